"""Computes word pairs from weights; needs torch."""
