"""What the answers come to, in sentences: nothing is said that is not known."""

from __future__ import annotations

import pytest

from analysis.saliency.parting import Parting, Said
from app.views.saliency.findings import COLUMNS, Beside, Deletion, Findings
from app.views.saliency.pair import Scores

NAMES = ("m/one", "m/two")


def told(**given):
    known = {
        "names": NAMES,
        "called": ("base", "tuned"),
        "scores": None,
        "waiting": "",
        "parts": None,
        "whose": "own",
        "deletion": (None, None),
        "without_deletion": "",
    }
    return Findings(**{**known, **given})


def sentence(**given):
    (found,) = told(**given).sentences(ascii_only=False)
    return found


def test_nothing_known_is_nothing_said():
    assert told().sentences(ascii_only=False) == []
    rows = list(told().table())
    assert [row[0] for row in rows] == list(NAMES)
    assert all(cell is None for row in rows for cell in row[1:])


@pytest.mark.parametrize(
    ("values", "whose", "words"),
    [
        (
            (0.6, 0.84),
            "tuned",
            "On tuned's answer, tuned leans on the instruction 1.4 times as much",
        ),
        (
            (0.84, 0.6),
            "own",
            "On the same answer, tuned leans on the instruction 0.7 times as much",
        ),
        ((0.0, 0.5), "golden", "base does not lean on the instruction at all (score 0.50 against"),
    ],
)
def test_scores_are_told_of_one_response(values, whose, words):
    assert words in sentence(scores=Scores(values, whose, NAMES))


@pytest.mark.parametrize(
    ("parts", "whose", "words"),
    [
        (
            Parting(2, Said(" is", 0.61), Said(" was", 0.88)),
            "tuned",
            'They part at the 3rd token: base would say "·is" (p 0.61), '
            'tuned says "·was" (p 0.88).',
        ),
        (
            Parting(0, Said(None), Said("\x1b")),
            "base",
            'They part at the 1st token: base ends, tuned would say "␛".',
        ),
        (Parting(3, ended=True), "own", "Both give the same answer."),
        (Parting(3), "own", "Both give the same answer as far as they go."),
    ],
)
def test_where_the_answers_part(parts, whose, words):
    assert sentence(parts=parts, whose=whose) == words


def test_how_far_deletion_agrees_is_exact_only_if_every_token_was_deleted():
    deletion = (Deletion(0.412, 5, estimated=True), Deletion(0.58, 9, estimated=False))
    found = told(deletion=deletion)
    words = "Gradient: agrees with deletion by base r {}0.41, tuned r 0.58."
    assert found.sentences(ascii_only=False) == [words.format("≈ ")]
    assert found.sentences(ascii_only=True) == [words.format("~")]
    column = COLUMNS.index("deleted_tokens")
    assert [row[column] for row in found.table()] == [5, 9]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"method": "frozen norms", "beside": Beside("gradient", [0.12, 0.05], 0.8)},
            "Frozen norms: agrees better with deletion (base r 0.41, tuned r 0.58) than gradient "
            "(0.12, 0.05); m shows the others.",
        ),
        (
            # Chosen, or kept because it was being read.
            {"beside": Beside("frozen norms", [0.5, 0.6], -0.1)},
            "Gradient: agrees less with deletion (base r 0.41, tuned r 0.58) than frozen norms "
            "(0.50, 0.60); m shows the others.",
        ),
        (
            {"awaits_better": True},
            "Gradient: agrees with deletion by base r 0.41, tuned r 0.58; frozen norms, mostly "
            "better, is being computed.",
        ),
    ],
)
def test_it_is_said_which_method_is_shown_and_why(given, words):
    deletion = (Deletion(0.41, 9, estimated=False), Deletion(0.58, 9, estimated=False))
    assert sentence(deletion=deletion, **given) == words
