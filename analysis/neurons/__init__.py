"""Activity of single feed-forward neurons and experts while a model reads (METHODS 6)."""
