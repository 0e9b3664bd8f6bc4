"""What needs torch: the activations of one neuron, and the attention weights of one head."""
