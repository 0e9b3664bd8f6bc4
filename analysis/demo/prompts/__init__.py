"""Phrasings of the instructions, and the prompts that ship with the demo pair."""
