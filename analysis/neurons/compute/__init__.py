"""Records the activations of neurons and silences them; needs torch."""
