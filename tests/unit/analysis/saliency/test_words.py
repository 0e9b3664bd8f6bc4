"""Words of a prompt, and what they weigh, whatever tokens the models cut them into."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.models.tokens import Tokens
from analysis.saliency.alignment import align_rows
from analysis.saliency.density import normalize
from analysis.saliency.map import SaliencyMap
from analysis.saliency.word_weights import COLUMNS, Weights, WordTable
from analysis.saliency.words import pieces, words_of

PROMPT = "Don't undo: re-do 3.5!\n\nDo 東京 undo"


def cut(*texts, special=()):
    """Tokens that spell the prompt in order, but for special ones."""
    spans, at = [], 0
    for text in texts:
        spans.append(None if text in special else (at, at + len(text)))
        at += 0 if text in special else len(text)
    assert "".join(t for t in texts if t not in special) == PROMPT
    return Tokens(tuple(range(len(texts))), texts, tuple(spans))


COARSE = cut("<s>", "Don't", " undo", ":", " re-do", " 3.5", "!", "\n\n", "Do", " 東京", " undo",
             special=("<s>",))  # fmt: skip
FINE = cut("Don", "'t", " un", "do", ":", " re", "-", "do", " ", "3", ".", "5", "!\n", "\n", "Do",
           " 東", "京", " un", "do")  # fmt: skip
WORDS = ["Don't", "undo", ":", "re-do", "3.5", "!", "\n\n", "Do", "東京", "undo"]


def rows_of(*sides):
    there = [np.ones(len(each), bool) for each in sides]
    return align_rows(*sides, left_visible=there[0], right_visible=there[1])


def shown(tokens, importance, **given):
    importance = np.asarray(importance, np.float32)
    count = importance.shape[1]
    return SaliencyMap(
        "m",
        tokens,
        Tokens(tuple(range(count)), tuple("abc"[:count]), ((0, 1),) * count),
        normalize(importance),
        importance,
        np.ones(len(tokens), bool),
        **{"totals": importance.sum(axis=1), **given},
    )


def test_a_word_keeps_its_apostrophe_its_hyphen_and_its_decimal_point():
    text = "a-b 'c' 3.5, 3. -- y's हिन्दी"
    found = [text[start:end] for start, end in pieces(text)]
    assert found == ["a-b", "'", "c", "'", "3.5", ",", "3", ".", "--", "y's", "हिन्दी"]


def test_both_models_have_the_words_of_the_text_whatever_their_tokens():
    rows = rows_of(COARSE, FINE)
    words = words_of(PROMPT, (COARSE, FINE), rows)
    assert [word.text for word in words[:2]] == ["<s>", "Don't"]
    assert [word.special for word in words[:2]] == [True, False]
    assert [word.rows[0] for word in words] == [0, *(word.rows[1] for word in words[:-1])]
    assert words[-1].rows[1] == len(rows)
    assert [w.occurrence for w in words if w.text == "undo"] == [1, 2]
    alone = words_of(PROMPT, (COARSE, None), [(n, None) for n in range(len(COARSE))])
    assert [word.text for word in alone[1:]] == WORDS


def test_tokens_without_a_known_place_are_words_of_their_own():
    tokens = Tokens((0, 1), ("un", "do"), ((0, 0), (0, 0)))
    words = words_of("undo", (tokens, None), [(0, None), (1, None)])
    assert [word.text for word in words] == ["un", "do"]


def weighed(tokens, importance, column=None, **given):
    rows = [(n, None) for n in range(len(tokens))]
    words = words_of(PROMPT, (tokens, None), rows)
    return words, Weights.of(
        shown(tokens, importance, **given), np.arange(len(tokens)), words, column
    )


def test_a_word_weighs_the_sum_of_its_tokens_and_shares_keep_their_signs():
    importance = np.random.default_rng(0).normal(size=(len(FINE), 2))
    words, whole = weighed(FINE, importance)
    sums = [importance[slice(*word.rows)].sum() for word in words]
    assert whole.sums == pytest.approx(sums, abs=1e-5)
    assert whole.shares == pytest.approx(np.array(sums) / np.abs(sums).sum(), abs=1e-5)
    assert np.sign(whole.shares).tolist() == np.sign(sums).tolist()
    _, second = weighed(FINE, importance, 1)
    assert second.token == "b"
    assert second.sums[0] == pytest.approx(importance[:2, 1].sum(), abs=1e-5)


def test_totals_tell_words_before_the_map_and_a_column_waits_for_all_of_its_rows():
    importance = np.ones((len(FINE), 2))
    importance[3:, 1] = np.nan
    given = {"totals": np.ones(len(FINE), np.float32)}
    _, whole = weighed(FINE, importance, **given)
    assert whole.known
    _, partial = weighed(FINE, importance, 1, **given)
    # The first word is computed, but not yet what it is a share of.
    assert partial.sums[0] == 2
    assert not partial.known
    assert np.isnan(partial.shares).all()
    _, nothing = weighed(FINE, importance, totals=None)
    assert not nothing.known


def test_the_table_has_both_models_and_a_change_only_where_they_compare():
    rows = rows_of(COARSE, FINE)
    words = words_of(PROMPT, (COARSE, FINE), rows)
    index = [np.array([-1 if r[side] is None else r[side] for r in rows]) for side in (0, 1)]
    base = Weights.of(shown(COARSE, -np.eye(len(COARSE))[:, [2]]), index[0], words)
    tuned = Weights.of(shown(FINE, np.eye(len(FINE))[:, [3]]), index[1], words)
    marked = np.zeros(len(words), bool)
    table = WordTable(words, marked, base, tuned, comparable=True)
    assert table.heaviest[0] == 2
    assert len(table.heaviest) == len(words)
    cells = [dict(zip(COLUMNS, row, strict=True)) for row in table.table()]
    assert cells[2]["base_share"] == -1.0
    assert cells[2]["tuned_share"] == 1.0
    assert cells[2]["change"] == 2.0
    # The beginning-of-text token is the base model's alone.
    assert cells[0]["special"]
    assert cells[0]["tuned_share"] is None
    apart = WordTable(words, marked, base, tuned, comparable=False)
    assert np.isnan(apart.changes).all()
    assert WordTable(words, marked, base, None, comparable=True).table().rows[2][-1] is None


def test_of_published_scores_the_scores_are_summed():
    scores = shown(COARSE, np.eye(len(COARSE))[:, :2])
    only = SaliencyMap("m", COARSE, scores.response_tokens, scores.scores, None, scores.visible)
    words = words_of(PROMPT, (COARSE, None), [(n, None) for n in range(len(COARSE))])
    weights = Weights.of(only, np.arange(len(COARSE)), words)
    assert weights.quantity == "score"
    assert weights.shares[:2].tolist() == [0.5, 0.5]
