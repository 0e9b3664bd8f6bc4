"""Responses that a server generates, by their exact token ids (METHODS 1)."""
