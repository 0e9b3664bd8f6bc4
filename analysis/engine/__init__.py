"""The engine process, the only one that holds models: loading, tokens, generation, weights."""
