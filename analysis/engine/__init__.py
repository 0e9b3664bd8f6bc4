"""The engine process, where the models live: loading, tokens, generation and weights."""
