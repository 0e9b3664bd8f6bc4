"""What is computed, and where: requests, results, the engine process and the methods."""
