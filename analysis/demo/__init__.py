"""The embedded demo pair, `demo-base` and `demo-tuned`: corpus, training, weights, prompts.

Importing this package loads neither torch nor transformers; `training` and `evaluation` do.
"""
