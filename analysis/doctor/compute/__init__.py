"""The checks themselves; need torch."""
