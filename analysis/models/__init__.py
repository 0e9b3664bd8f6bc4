"""Models: references and aliases, loading, tokens, and the pair that the engine holds."""
