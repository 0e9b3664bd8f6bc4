"""Prompt sets, and case libraries: folders of stored saliency maps."""
