"""What every head, network, neuron and prompt word adds to one logit (METHODS 17)."""
