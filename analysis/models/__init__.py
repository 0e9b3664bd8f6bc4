"""Model references, checkpoints and downloads, and requests about a single model."""
