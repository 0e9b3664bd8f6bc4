"""The analysis methods, their requests and results, and the engine process that runs them."""
