"""What needs torch: recording states at a position, and runs with them replaced."""
