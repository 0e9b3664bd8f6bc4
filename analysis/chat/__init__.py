"""A model as a partner in conversation."""
