"""The Heads view: the word pairs that attention heads relate."""
