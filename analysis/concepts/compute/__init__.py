"""Computes principal components from weights; needs torch."""
