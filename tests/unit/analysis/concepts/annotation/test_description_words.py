"""Tables 7 to 10: which words count, and how their frequency and rank move."""

from __future__ import annotations

import pytest

from analysis.concepts.annotation.annotation import Annotation, Subject
from analysis.concepts.annotation.description_words import (
    COLUMNS,
    content_words,
    lemma,
    word_shifts,
)


@pytest.mark.parametrize(
    ("word", "singular"),
    [
        ("words", "word"),
        ("Languages", "language"),
        ("phrases", "phrase"),
        ("adjectives", "adjective"),
        ("countries", "country"),
        ("suffixes", "suffix"),
        ("classes", "class"),
        ("caches", "cache"),
        ("matches", "match"),
        ("indices", "index"),
        ("analyses", "analysis"),
        ("women", "woman"),
        ("part-names", "part-name"),
        ("process", "process"),
        ("syntax", "syntax"),
        ("mathematics", "mathematics"),
        ("various", "various"),
        ("basis", "basis"),
        ("series", "series"),
        ("Spanish", "spanish"),
        ("describing", "describing"),
    ],
)
def test_a_lemma_is_the_singular(word: str, singular: str) -> None:
    assert lemma(word) == singular


def test_words_of_five_letters_that_are_no_grammar_count() -> None:
    text = "Words about Spanish verbs, foreign-language names and functions/methods within 12 units"
    assert content_words(text) == ["spanish", "foreign-language", "function", "method"]


def descriptions(model: str, layer: int, *texts: str) -> list[Annotation]:
    """One annotation a text."""
    return [
        Annotation(Subject(model, layer, number, ("a",)), 0, "described", description=text)
        for number, text in enumerate(texts)
    ]


def test_frequencies_and_ranks_move_as_counted_by_hand() -> None:
    made = [
        *descriptions("base", 0, "music music", "music colour", "colour", "river"),
        *descriptions("tuned", 0, "colour colour", "colour", "music", "planet planet planet"),
    ]
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in word_shifts(made, "base", "tuned")]
    by_word = {row["word"]: row for row in rows}
    # base: music 3, colour 2, river 1; tuned: colour 3, planet 3, music 1.
    assert [row["word"] for row in rows] == ["planet", "colour", "music"]
    assert by_word["planet"]["rank_change"] is None
    assert by_word["colour"]["rank_change"] == 1
    assert by_word["colour"]["base_percent"] == pytest.approx(100 * 2 / 6)
    assert by_word["colour"]["tuned_percent"] == pytest.approx(100 * 3 / 7)
    assert by_word["music"]["change"] == "falls"
    assert by_word["music"]["rank_change"] == -2
    assert "river" not in by_word  # seen once


def test_layers_are_counted_apart() -> None:
    made = [
        *descriptions("base", 0, "music music music"),
        *descriptions("tuned", 0, "music music music"),
        *descriptions("base", 1, "river river river planet"),
        *descriptions("tuned", 1, "river planet planet planet"),
    ]
    rows = list(word_shifts(made, "base", "tuned", groups=2))
    assert [(row[0], row[2], row[3]) for row in rows] == [
        (1, "rises", "planet"),
        (1, "falls", "river"),
    ]


def test_one_model_alone_has_no_shifts_worth_a_crash() -> None:
    rows = list(word_shifts(descriptions("base", 0, "music music music"), "base", "tuned"))
    assert [(row[3], row[5], row[8]) for row in rows] == [("music", 0, None)]
    assert not list(word_shifts([], "base", "tuned"))
