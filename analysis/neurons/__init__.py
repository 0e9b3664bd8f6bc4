"""What single feed-forward neurons and experts do while a model reads (METHODS 6)."""
