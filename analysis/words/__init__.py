"""Word lists, their tokens in a model, and their vectors."""
