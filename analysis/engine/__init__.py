"""The engine process, the one place where models are: loading, tokens, generation and weights."""
