"""Builds the demo pair: its corpus, instruction examples and training; needs torch."""
