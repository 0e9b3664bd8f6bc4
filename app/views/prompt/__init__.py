"""The Prompt view: what both models are asked."""
