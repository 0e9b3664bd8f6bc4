"""The Prompt view: the prompt for both models."""
