"""Descriptions of principal components by a language model, and the tables made of them.

METHODS 3, paper 5.2 and appendix D. A component's words are described in three steps, each asked
of a *completer*: any endpoint that speaks OpenAI's chat protocol, or a local model.

    subjects ──▶ questions ──▶ completer ──▶ answers (on disk, raw) ──▶ annotations ──▶ tables

Only the words of a component, and then the description made of them, are ever sent. Answers are
kept raw the moment they arrive; annotations are read off them each time.
"""
