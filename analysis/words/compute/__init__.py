"""Word embeddings in a model; needs torch."""
