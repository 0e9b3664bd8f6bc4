"""From a neuron or a head outwards: the prompts on which it is most active (METHODS 18)."""
