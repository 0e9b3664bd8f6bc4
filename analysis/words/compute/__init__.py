"""Words as the embeddings of a model; needs torch."""
