"""Prompts by the set and their maps by the folder."""
