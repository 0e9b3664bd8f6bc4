"""What needs torch: one position read with the norms held, and its logit taken apart."""
