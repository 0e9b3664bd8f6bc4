"""The demo pair that ships with insttui, `demo-base` and `demo-tuned`: weights, tasks and prompts.

Importing this package loads neither torch nor transformers.
"""
