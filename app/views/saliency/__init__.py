"""The Saliency view: which prompt tokens each response token depends on."""
