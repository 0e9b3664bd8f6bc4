"""The words an analysis speaks of, their tokens and their vectors."""
