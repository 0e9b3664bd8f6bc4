"""What ships with the pair can be listed without torch."""

from __future__ import annotations

import numpy as np

from analysis.demo import catalog
from tests.support.children import run


def test_the_catalogue_needs_neither_torch_nor_transformers() -> None:
    program = (
        "import sys; from analysis.demo import catalog, report;"
        "catalog.examples(); report.describe(catalog.info());"
        "print({'torch', 'transformers', 'sklearn'} & set(sys.modules))"
    )
    assert run(program) == "set()\n"


def test_examples_have_titles_and_spans_within_their_prompts() -> None:
    assert len(catalog.examples()) >= 10
    assert len(catalog.examples()[0].prompt) < 80
    for example in catalog.examples():
        assert example.title
        assert example.instruction_spans
        assert all(span in example.prompt for span in example.instruction_spans)


def test_prompt_ids_are_unique() -> None:
    prompts = (*catalog.examples(), *catalog.held_out_phrasings(), *catalog.held_out_items())
    assert len({prompt.id for prompt in prompts}) == len(prompts)


def test_word_vectors_put_related_words_together() -> None:
    with np.load(catalog.WEIGHTS / catalog.VECTORS_NAME, allow_pickle=False) as stored:
        words, vectors, counts = stored["words"].tolist(), stored["vectors"], stored["counts"]
    assert vectors.shape == (len(words), 64)
    assert list(counts) == sorted(counts, reverse=True)
    unit = vectors.astype(np.float32)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)

    def cosine(first: str, second: str) -> float:
        return float(unit[words.index(first)] @ unit[words.index(second)])

    assert cosine("translate", "translation") > cosine("translate", "river")
    assert cosine("positive", "negative") > cosine("positive", "paris")
    assert cosine("summarise", "summarize") > cosine("summarise", "house")
