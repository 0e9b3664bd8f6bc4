"""Principal components from weights; needs torch."""
