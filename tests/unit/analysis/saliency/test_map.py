"""A map shows an attribution's numbers, hides what the user did not write, and lists its pairs."""

import math

import numpy as np
import pytest

from analysis.models.tokens import Tokens
from analysis.saliency.map import SaliencyMap
from analysis.saliency.result import Attribution

PROMPT = Tokens(ids=(1, 5, 6), texts=("<s>", "Say", " hi"), spans=(None, (0, 3), (3, 6)))
RESPONSE = Tokens(ids=(7, 8), texts=("Hi", "\x1b[31m,"), spans=((0, 2), (2, 8)))


def attribution(importance):
    tokens = {"prompt_tokens": PROMPT, "response_tokens": RESPONSE}
    known = {"target": "log_probability", "method": "reverse", "device": "cpu", "dtype": "float32"}
    importance = np.array(importance, dtype=np.float32)
    said = {"prompt": "Say hi", "importance": importance, "ended": "end", "seconds": 0.1}
    return Attribution(model="demo-base", **tokens, **known, **said)


IMPORTANCE = [[9.0, 9.0], [0.1, -1.0], [0.2, 3.0]]


def test_special_tokens_are_hidden_and_set_no_scale_unless_asked_for():
    shown = SaliencyMap.from_attribution(attribution(IMPORTANCE))
    assert shown.visible.tolist() == [False, True, True]
    assert shown.scores.tolist() == [[0, 0], [5, 0], [10, 10]]
    assert shown.density.tolist() == [0.0, 0.0, 1.0]
    # The prompt without its special token instructs.
    assert shown.instruction_score(shown.visible) == pytest.approx(1.0 / 2)
    everything = SaliencyMap.from_attribution(attribution(IMPORTANCE), include_special=True)
    assert everything.visible.all()
    assert everything.scores[0].tolist() == [10, 10]


def test_the_table_lists_every_visible_pair_with_the_exact_number():
    table = SaliencyMap.from_attribution(attribution(IMPORTANCE)).table()
    sides = [f"{side}_{what}" for side in ("prompt", "response") for what in ("index", "token")]
    assert table.columns == ("model", *sides, "importance", "score")
    rows = list(table)
    assert rows == list(table)
    assert rows[0] == ("demo-base", 1, "Say", 0, "Hi", 0.1, 5)
    assert [row[1] for row in rows] == [1, 1, 2, 2]
    assert rows[3] == ("demo-base", 2, " hi", 1, "\x1b[31m,", 3.0, 10)
    assert np.float32(rows[0][5]) == np.float32(0.1)


def test_what_is_not_computed_yet_is_an_empty_cell():
    rows = [[9.0, math.nan], [0.1, math.nan], [0.2, math.nan]]
    shown = SaliencyMap.from_attribution(attribution(rows))
    assert shown.computed.tolist() == [[True, False]] * 3
    assert shown.final.tolist() == [True, False]
    assert not shown.provisional.any()
    assert not shown.complete
    assert [row[5:] for row in shown.table()] == [(0.1, 5), (None, None), (0.2, 10), (None, None)]


def test_scores_are_provisional_while_a_column_lacks_rows():
    rows = [[9.0, 9.0], [0.1, -1.0], [math.nan, math.nan]]
    shown = SaliencyMap.from_attribution(attribution(rows))
    assert shown.provisional.tolist() == [True, True]
    assert not shown.final.any()
    assert [row[5] for row in shown.table()] == [0.1, -1.0, None, None]
    assert [row[6] for row in shown.table()] == [None] * 4


def test_a_row_that_is_hidden_keeps_nothing_waiting():
    rows = [[math.nan, math.nan], [0.1, -1.0], [0.2, 3.0]]
    shown = SaliencyMap.from_attribution(attribution(rows))
    assert shown.complete
    assert not shown.provisional.any()
    assert not SaliencyMap.from_attribution(attribution(rows), include_special=True).complete


def test_before_anything_is_there_nothing_is_provisional():
    shown = SaliencyMap.from_attribution(attribution([[math.nan] * 2] * 3))
    assert not shown.provisional.any()
    assert not shown.complete


def test_a_published_map_has_scores_and_no_importance():
    scores = np.array([[0, 0], [3, 8], [10, 10]], dtype=np.uint8)
    shown = SaliencyMap("m", PROMPT, RESPONSE, scores, None, np.array([False, True, True]))
    assert [row[5:] for row in shown.table()] == [(None, 3), (None, 8), (None, 10), (None, 10)]


def test_arrays_that_do_not_fit_the_tokens_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        SaliencyMap("m", PROMPT, RESPONSE, np.zeros((2, 2), np.uint8), None, np.ones(2, np.bool_))
