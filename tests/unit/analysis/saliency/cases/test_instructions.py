"""Sentences, the first guess which of them instruct, and which tokens that marks."""

import numpy as np
import pytest

from analysis.models.tokens import Tokens
from analysis.saliency.cases.instructions import guess_instructions, instruction_mask, sentences
from analysis.saliency.cases.library import CaseLibrary
from tests.support.case_folders import PUBLISHED, needs_published_maps


def split(text):
    return [text[start:end] for start, end in sentences(text)]


def guess(text):
    return [text[start:end] for start, end in guess_instructions(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t\n", []),
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("A title\n  The text.\n", ["A title", "The text."]),
        ("Ask Dr. Who, e.g. now. Then go.", ["Ask Dr. Who, e.g. now.", "Then go."]),
        ("J. R. Eco wrote. A U.S. Army man ran.", ["J. R. Eco wrote.", "A U.S. Army man ran."]),
        ("He is the father of B. Who is C?", ["He is the father of B.", "Who is C?"]),
        ("It costs 3.50 at a.b.com today.", ["It costs 3.50 at a.b.com today."]),
        ("1. Mix it.\n2. Bake it.", ["1. Mix it.", "2. Bake it."]),
        ('He said "Stop." Then left.', ['He said "Stop."', "Then left."]),
        ("你好。再见。", ["你好。", "再见。"]),
        (
            "Run this. Now:\n```\nprint(1. + 2). Done\nx = 1\n```\nWhy?",
            ["Run this.", "Now:", "```\nprint(1. + 2). Done\nx = 1\n```", "Why?"],
        ),
        ("```\nnever closed. Yes", ["```\nnever closed. Yes"]),
    ],
)
def test_sentences(text, expected):
    assert split(text) == expected


def test_sentences_leave_out_nothing_but_white_space():
    text = "Hi...  there! \r\n\n (Really?)  Yes.\u3000No\n```x```\n"
    rest = list(text)
    for start, end in sentences(text):
        rest[start:end] = " " * (end - start)
    assert "".join(rest).strip() == ""
    assert sentences(text) == sorted(sentences(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write a poem.", ["Write a poem."]),
        (
            "Rewrite the text. Keep it short.\n\nInput: What a day. Who knew?\n\nOutput:",
            ["Rewrite the text.", "Keep it short."],
        ),
        ("Correct the grammar:\nShe go home. Can you see it?", ["Correct the grammar:"]),
        ("Read this:\nIt was dark.\n\nWho was there?", ["Read this:", "Who was there?"]),
        (
            "I have 3 apples. I eat one. How many are left?",
            ["I have 3 apples.", "I eat one.", "How many are left?"],
        ),
        (
            "It rained. It blew. It snowed. It froze. It thawed. Describe the weather.",
            ["Describe the weather."],
        ),
        ("Explain it.\n```\nwhy = 1\n```", ["Explain it."]),
        ("```\ncode only\n```", ["```\ncode only\n```"]),
        ("Input: nothing else", ["Input: nothing else"]),
    ],
)
def test_guess(text, expected):
    assert guess(text) == expected


def test_tokens_that_share_a_character_with_a_span_are_marked():
    tokens = Tokens(
        ids=(0, 1, 2, 3, 4),
        texts=("<s>", "Go", " on", ".", "\n"),
        spans=(None, (0, 2), (2, 5), (5, 6), (6, 7)),
    )
    assert instruction_mask(tokens, [(0, 6)]).tolist() == [False, True, True, True, False]
    assert instruction_mask(tokens, [(3, 4)]).tolist() == [False, False, True, False, False]
    assert not instruction_mask(tokens, []).any()


@needs_published_maps
def test_published_spans_mark_nearly_the_published_tokens():
    library = CaseLibrary.open(PUBLISHED)
    texts = [library.text(case.id) for case in library.cases]
    same = [
        np.array_equal(
            instruction_mask(text.prompt_tokens, text.instruction_spans), text.instruction
        )
        for text in texts
    ]
    assert sum(same) >= 620


@needs_published_maps
def test_the_guess_agrees_with_the_published_tokens_in_four_of_five():
    library = CaseLibrary.open(PUBLISHED)
    equal = total = 0
    for case in library.cases:
        text = library.text(case.id)
        mask = instruction_mask(text.prompt_tokens, guess_instructions(case.prompt))
        equal += int((mask == text.instruction).sum())
        total += len(mask)
    assert equal / total > 0.8
