"""Describes principal components with a language model, and makes tables of the descriptions.

METHODS 3, paper 5.2 and appendix D. A component's words are described in three steps, each sent to
a *completer*: an endpoint with OpenAI's chat protocol, or a local model.

    subjects ──▶ questions ──▶ completer ──▶ answers (on disk, raw) ──▶ annotations ──▶ tables

Only a component's words, and later the description made from them, are ever sent. Raw answers are
stored as soon as they arrive; annotations are parsed from them on every use.
"""
