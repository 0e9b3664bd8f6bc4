"""Hidden states of a model, and their clusters; needs torch."""
