"""Heads counted by the words that they relate, on examples made by hand."""

from __future__ import annotations

from analysis.heads.word_counts import WORD_COLUMNS, WordHeads, words_table
from tests.support.scripted_weights import counted_pairs

BASE = [
    counted_pairs({"write=essay": 6, "Write=poem": 3}, {"king=queen": 2}, layer=0),
    counted_pairs({"queen=king": 4}, {}, layer=1),
]
TUNED = [
    counted_pairs({"write=essay": 6}, {"king=queen": 2, "WRITE=story": 2}, layer=0),
    counted_pairs({"write=list": 4}, {"write=code": 3}, layer=1),
]


def test_a_head_counts_once_for_a_word_whatever_its_case_and_its_partners():
    table = words_table(BASE, TUNED)
    assert table.columns == WORD_COLUMNS
    found = {row[0]: row[1:] for row in table}
    assert found["write"] == (1, 4, 3)
    assert found["king"] == found["queen"] == (2, 1, -1)
    assert found["essay"] == (1, 1, 0)
    assert found["poem"] == (1, 0, -1)
    assert "Write" not in found


def test_the_largest_differences_come_first_then_the_words_of_most_heads():
    rows = list(words_table(BASE, TUNED))
    assert [row[0] for row in rows[:3]] == ["write", "king", "queen"]
    assert [row[0] for row in rows[-1:]] == ["essay"]
    assert [abs(row[3]) for row in rows] == sorted((abs(row[3]) for row in rows), reverse=True)
    assert WordHeads("x", 5, 2).difference == -3


def test_a_word_that_is_only_in_later_pairs_is_related_by_no_head():
    assert {row[0] for row in words_table(BASE[:1], TUNED[:1], top=1)} == {
        *("write", "essay", "king", "queen")
    }
