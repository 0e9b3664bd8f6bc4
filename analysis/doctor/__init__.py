"""What is wrong with a pair of models, what that means, and what can be analysed of it."""
