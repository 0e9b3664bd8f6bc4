"""Computes hidden states and their clusters; needs torch."""
