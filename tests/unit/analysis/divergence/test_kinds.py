"""Kinds of tokens, by their characters and what is before them."""

from __future__ import annotations

import msgspec
import pytest

from analysis.divergence.kinds import kind_of, kinds
from analysis.divergence.request import DivergenceRequest
from analysis.models.tokens import Tokens
from analysis.request import ModelChoice
from tests.support.studied_divergences import divergence


@pytest.mark.parametrize(
    ("text", "before", "kind"),
    [
        (" Paris", "of", "word beginning"),
        ("Paris", "", "word beginning"),
        ("Paris", "\n", "word beginning"),
        ("(known", "well", "word beginning"),
        ("known", "l-", "word beginning"),
        ("is", "Par", "word continuation"),
        ("’t", "on", "word continuation"),
        ("t", "n'", "word continuation"),
        ("Hello", " '", "word beginning"),
        ("nd", " 2", "word continuation"),
        ("\u0301", "e", "word continuation"),
        (" 1984", "in", "digit"),
        ("3.5", " ", "digit"),
        (".", "s", "punctuation"),
        (".\n", "s", "punctuation"),
        (" +", "1", "punctuation"),
        ("\n\n", ".", "space or newline"),
        ("  ", ":", "space or newline"),
        ("**", " ", "markup or special"),
        ("</s>", ".", "markup or special"),
        ("<|im_end|>", ".", "markup or special"),
        ("[INST]", "", "markup or special"),
        ("```", "\n", "markup or special"),
        ("<0xF0>", " ", "part of a character"),
        ("\ufffd", " ", "part of a character"),
    ],
)
def test_a_token_is_of_one_kind(text: str, before: str, kind: str) -> None:
    assert kind_of(text, before) == kind


def test_every_place_has_a_kind_and_the_end_its_own() -> None:
    pair = ModelChoice("base", "/b"), ModelChoice("tuned", "/t")
    texts = (" Par", "is", " is", "<|x|>", "big", ".")
    tokens = Tokens(tuple(range(6)), texts, ((0, 4), (4, 6), (6, 9), None, (9, 12), (12, 13)))
    found = next(
        each
        for number in range(50)
        if (each := divergence(DivergenceRequest(*pair, f"prompt {number}"))).places == 7
    )
    assert kinds(msgspec.structs.replace(found, response_tokens=tokens, ended=True)) == (
        "word beginning",
        "word continuation",
        "word beginning",
        "markup or special",
        "word beginning",
        "punctuation",
        "end",
    )
