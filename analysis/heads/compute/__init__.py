"""Word pairs from weights; needs torch."""
