"""What needs torch: reading a response with both models."""
