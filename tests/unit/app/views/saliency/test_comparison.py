"""Two maps side by side, without a screen."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.models.tokens import Tokens
from analysis.saliency.agreement import Agreement
from analysis.saliency.map import SaliencyMap
from app.views.saliency.comparison import Comparison, Place
from app.views.saliency.values_text import ordinal, plain, status_lines
from app.widgets.lines import width_of
from app.workspace import short_names

PROMPT = "Say hi. Then go."
WORDS = ("Say", " hi", ".", " Then", " go", ".")


def tokens(text, pieces, special=()):
    spans, at = [], 0
    for piece in pieces:
        spans.append((at, at + len(piece)))
        at += len(piece)
    assert at == len(text)
    return Tokens(
        ids=tuple(range(len(special) + len(pieces))),
        texts=(*special, *pieces),
        spans=(*(None for _ in special), *spans),
    )


def saliency(pieces=WORDS, columns=("a", "b"), *, special=("<s>",), importance=None):
    prompt = tokens(PROMPT, pieces, special)
    response = tokens("".join(columns), columns)
    if importance is None:
        random = np.random.default_rng(len(pieces))
        importance = random.normal(size=(len(prompt), len(response))).astype(np.float32)
    visible = prompt.written_by_user()
    scores = np.where(
        visible[:, None], np.clip(np.nan_to_num(importance) * 4, 0, 10).astype(np.uint8), 0
    ).astype(np.uint8)
    return SaliencyMap("m", prompt, response, scores, importance, visible)


BASE = saliency()
TUNED = saliency(["Say", " h", "i", ".", " Then", " go."], ["c"], special=("<s>", "<u>"))


@pytest.fixture
def both():
    masks = [np.zeros(len(m.prompt_tokens), np.bool_) for m in (BASE, TUNED)]
    return Comparison(PROMPT, (BASE, TUNED), masks)


def test_both_sides_have_a_row_for_every_row_and_gaps_are_told(both):
    base, tuned = both.token_map(0), both.token_map(1)
    assert both.cut_differently
    assert len(base.row_labels) == len(tuned.row_labels) == 7
    assert base.row_labels == ["Say", " hi", "", ".", " Then", " go", "."]
    assert tuned.row_labels == ["Say", " h", "i", ".", " Then", " go.", ""]
    assert base.gaps.tolist() == [False, False, True, False, False, False, False]
    assert not base.levels[2].any()


def test_what_is_read_is_what_the_maps_hold(both):
    reading = both.read(0, 1, 1)
    assert (reading.prompt_token, reading.response_token) == (" hi", "b")
    assert reading.importance == float(BASE.importance[2, 1])
    assert reading.score == BASE.scores[2, 1]
    assert both.read(0, 2, 0) is None
    assert both.read(1, 2, 0).prompt_token == "i"


def test_a_column_that_is_not_computed_has_no_values():
    importance = np.array(BASE.importance)
    importance[:, 1] = np.nan
    partial = saliency(importance=importance)
    comparison = Comparison(PROMPT, (partial, None), (np.zeros(7, np.bool_), None))
    assert comparison.read(0, 1, 0).score is not None
    reading = comparison.read(0, 1, 1)
    assert (reading.score, reading.importance) == (None, None)
    assert comparison.instruction_score(0) is None
    assert comparison.missing(0).tolist() == [[False, True]] * 6
    assert not comparison.provisional(0)


def test_rows_that_are_not_computed_are_missing_and_make_the_others_provisional():
    importance = np.array(BASE.importance)
    importance[4:] = np.nan
    partial = saliency(importance=importance)
    comparison = Comparison(PROMPT, (partial, TUNED), (np.zeros(7, np.bool_), None))
    # The third row is the tuned model's alone.
    assert comparison.missing(0)[:, 0].tolist() == [False] * 4 + [True] * 3
    assert comparison.provisional(0)
    assert not comparison.provisional(1)
    assert comparison.density(0) is None
    assert comparison.instruction_score(0) is None
    known, unknown = comparison.read(0, 1, 1), comparison.read(0, 5, 1)
    assert known.importance == float(BASE.importance[2, 1])
    assert known.provisional
    assert known.density is None
    assert unknown.score is None
    (line, *_) = status_lines(("m", ""), comparison, 1, (1, 0), width=78)
    assert plain(line).endswith(f"S {known.score}  provisional")


NOISE = np.random.default_rng(9).normal(size=(7, 2)).astype(np.float32)
OTHER = saliency(importance=BASE.importance + NOISE)


def test_a_difference_has_a_size_and_a_sign_where_both_are_computed():
    importance = np.array(OTHER.importance)
    importance[5, 0] = np.nan
    partial = saliency(importance=importance)
    masks = (np.zeros(7, np.bool_), None)
    comparison = Comparison(PROMPT, (BASE, None), masks, subtracted=(partial, None))
    shown = comparison.token_map(0)
    # The first token is hidden: row n is token n + 1.
    for row in range(6):
        for column in range(2):
            less = BASE.scores[row + 1, column].astype(int) - partial.scores[row + 1, column]
            assert shown.levels[row, column] == abs(less)
            assert shown.negative[row, column] == (less < 0)
    assert shown.negative.any()
    assert np.argwhere(shown.missing).tolist() == [[4, 0]]
    assert comparison.provisional(0)
    reading = comparison.read(0, 1, 1)
    assert (reading.score, reading.subtracted) == (BASE.scores[2, 1], partial.scores[2, 1])
    (line, *_) = status_lines(("m", ""), comparison, 1, (1, 0), width=78)
    less = int(reading.score) - int(reading.subtracted)
    assert f"difference {less:+}" in plain(line)
    (line, *_) = status_lines(("m", ""), comparison, 4, (0, 0), width=78)
    assert plain(line).endswith("not computed yet")


def test_the_agreement_is_that_of_the_column_under_the_cursor(both):
    agreement = Agreement(BASE, OTHER)
    first, second = BASE.importance[1:, 1], OTHER.importance[1:, 1]
    r = np.corrcoef(first, second)[0, 1]
    rho = np.corrcoef(first.argsort().argsort(), second.argsort().argsort())[0, 1]
    names = ("a/base", "b/tuned")
    lines = status_lines(names, both, 0, (1, 0), agreements=(agreement, None), width=78)
    assert len(lines) == 4
    line = plain(lines[-1])
    assert line.startswith(f"gradient/occlusion  ○ base column r {r:.2f} ρ {rho:.2f}  all r ")
    assert len(status_lines(names, both, 0, (1, 0), width=78)) == 3


def test_a_column_that_does_not_vary_gets_a_dash(both):
    flat = np.array(OTHER.importance)
    flat[:, 0] = 0.5
    other = saliency(importance=flat)
    agreements = (Agreement(BASE, other), None)
    lines = status_lines(("m", ""), both, 0, (0, 0), agreements=agreements, width=78)
    assert "column r – ρ –  all r " in plain(lines[-1])


def test_where_there_is_room_for_one_agreement_it_is_the_active_sides(both):
    agreements = (Agreement(BASE, OTHER), Agreement(TUNED, TUNED))
    names = ("a/base", "b/tuned")
    for active, name in enumerate(("○ base", "● tuned")):
        lines = status_lines(names, both, 0, (0, 0), agreements=agreements, active=active, width=78)
        assert plain(lines[-1]).startswith(f"gradient/occlusion  {name} column")
        assert width_of(lines[-1]) <= 78
    wide = status_lines(names, both, 0, (0, 0), agreements=agreements, width=118)
    assert plain(wide[-1]).count("column r ") == 2


def test_marking_a_sentence_marks_its_tokens_on_both_sides(both):
    sentence = both.sentence_at(4)
    assert PROMPT[slice(*sentence)] == "Then go."
    assert both.toggle(sentence)
    assert both.marked(0).tolist() == [False] * 4 + [True] * 3
    assert both.marked(1).tolist() == [False] * 4 + [True] * 3
    assert not both.toggle(sentence)
    assert not both.marked(0).any()


def test_the_instruction_score_is_that_of_the_map_and_none_where_nothing_is_marked(both):
    assert both.instruction_score(0) is None
    scores = plain(status_lines(("a", "b"), both, 0, (0, 0), width=118)[2])
    assert " ".join(scores.split()) == "instruction score ○ a – ● b – 0 instruction tokens"
    both.toggle(both.sentence_at(0))
    mask = np.array([span is not None and span[0] < 7 for span in BASE.prompt_tokens.spans])
    assert both.instruction_score(0) == BASE.instruction_score(mask)


def test_search_finds_words_that_span_tokens_and_knows_no_case(both):
    assert both.find("SAY H") == [Place(row=0)]
    assert both.find(".") == [Place(row=3), Place(row=6)]
    assert both.find("c") == [Place(side=1, column=0)]
    assert both.find("") == []
    assert both.find("[") == []


def test_one_side_alone_and_none_at_all():
    alone = Comparison(PROMPT, (None, TUNED), (None, np.ones(8, np.bool_)))
    assert len(alone.rows) == 6
    assert alone.read(0, 0, 0) is None
    assert alone.marked_tokens() == 6
    empty = Comparison(PROMPT, (None, None), (None, None))
    assert empty.rows == []
    assert empty.sentence_at(0) is None
    assert empty.find("x") == []


def test_values_are_said_in_words_that_fit(both):
    both.toggle(both.sentence_at(0))
    lines = status_lines(("a/base", "b/tuned"), both, 0, (1, 0), width=120, ascii_only=True)
    base, tuned, scores = map(plain, lines)
    assert base.startswith('o base  "Say" -> "b" (2nd)  I ')
    assert tuned.startswith('x tuned "Say" -> "c" (1st)  I ')
    rank = ordinal(both.read(0, 0, 1).rank)
    assert base.endswith(f"density {both.read(0, 0, 1).density:.2f} ({rank} of 6)")
    assert "different answers" in scores
    names = ("meta-llama/Llama-2-7b-hf", "meta-llama/Llama-2-7b-chat-hf")
    assert all(width_of(line) <= 78 for line in status_lines(names, both, 0, (1, 0), width=78))


def test_scores_have_a_difference_on_one_answer_only(both):
    both.toggle(both.sentence_at(0))

    def said(shown, **given):
        return plain(status_lines(("base", "tuned"), shown, 0, (0, 0), width=78, **given)[2])

    assert "difference" not in said(both)
    assert said(both, can_share=True).endswith("different answers; o compares on one")
    one = Comparison(PROMPT, (BASE, BASE), both.masks[:1] * 2)
    assert "difference +0.0000" in said(one, can_share=True)


def test_names_lose_their_folders_unless_they_would_be_the_same():
    assert short_names("/models/base/", "owner/tuned-7b") == ("base", "tuned-7b")
    assert short_names("one/m", "two/m") == ("one/m", "two/m")
    assert short_names("only", "") == ("only", "")


def test_ordinals():
    words = "1st 2nd 3rd 4th 11th 12th 13th 21st 103rd 112th"
    numbers = (1, 2, 3, 4, 11, 12, 13, 21, 103, 112)
    assert " ".join(map(ordinal, numbers)) == words
