"""Where base and tuned part: one response read by both models, token by token (METHODS 15)."""
