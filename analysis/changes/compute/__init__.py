"""Computes changes of weights and their directions; needs torch."""
