"""Answers as language models write them: understood, or not understood, but never guessed."""

from __future__ import annotations

import pytest

from analysis.concepts.annotation.parsing import (
    CANNOT_TELL,
    parse_description,
    parse_level,
    parse_scenarios,
)


@pytest.mark.parametrize(
    ("answer", "description"),
    [
        ("names of months", "names of months"),
        ("  Names of months.\n", "Names of months"),
        ('"names of months"', "names of months"),
        ("Concept: names of months", "names of months"),
        ("**names of months**", "names of months"),
        ("<think>\nJuly, May\n</think>\n\nnames of months", "names of months"),
        ("月份的名称", "月份的名称"),
        ("C++ and C# code", "C++ and C# code"),
        ("words ending in -ing", "words ending in -ing"),
        ("Cannot tell", CANNOT_TELL),
        ("I cannot tell what these words have in common.", CANNOT_TELL),
        ("can’t tell", CANNOT_TELL),
        ("", None),
        ("...", None),
        ("names of months\nnames of days", None),
        ("I'm sorry, but there is nothing to see", None),
        ("As an AI, dates", None),
        ("<think>still thinking", None),
        ("word " * 21, None),
    ],
)
def test_a_description_is_one_short_line_about_the_words(
    answer: str, description: str | None
) -> None:
    assert parse_description(answer) == description


@pytest.mark.parametrize(
    ("answer", "scenarios"),
    [
        ("coding", ("coding",)),
        ("Translation; Daily Writing.", ("daily writing", "translation")),
        ("math, coding", ("math", "coding")),
        ("- math\n- coding", ("math", "coding")),
        ("Tasks: professional writing", ("professional writing",)),
        ("coding; coding", ("coding",)),
        ("none", ()),
        ("None.", ()),
        ("none; coding", None),
        ("writing", None),
        ("coding and math", None),
        ("This is useful for coding.", None),
        ("", None),
        (";", None),
    ],
)
def test_scenarios_are_a_list_of_the_six_or_none(
    answer: str, scenarios: tuple[str, ...] | None
) -> None:
    assert parse_scenarios(answer) == scenarios


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        ("semantics", "semantics"),
        ("Semantic.", "semantics"),
        ("Level: Morphology", "morphology"),
        ("syntactic", "syntax"),
        ("phonology", "phonology"),
        ("syntax or semantics", None),
        ("pragmatics", None),
        ("", None),
    ],
)
def test_a_level_is_exactly_one_of_the_four(answer: str, level: str | None) -> None:
    assert parse_level(answer) == level
