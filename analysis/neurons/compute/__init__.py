"""Activations of neurons, and silencing them; needs torch."""
