"""Marks of sentences as spans."""

from __future__ import annotations

from analysis.saliency.cases.instructions import guess_instructions, sentences
from app.marking import is_marked, marks_by_sentence, spans_after_edit, toggled

TEXT = "Rewrite the text. Keep it short.\n\nInput: It was a dark night.\nOutput:"
FIRST, SECOND, *_ = sentences(TEXT)


def test_toggling_twice_changes_nothing():
    once = toggled(FIRST, (SECOND,))
    assert is_marked(FIRST, once)
    assert is_marked(SECOND, once)
    assert toggled(FIRST, once) == (SECOND,)


def test_unmarking_a_sentence_cuts_it_out_of_a_longer_span():
    spans = toggled(SECOND, ((0, len(TEXT)),))
    assert not is_marked(SECOND, spans)
    assert is_marked(FIRST, spans)
    assert all(end <= SECOND[0] or start >= SECOND[1] for start, end in spans)


def test_half_a_sentence_marks_it_less_does_not():
    length = FIRST[1] - FIRST[0]
    assert is_marked(FIRST, ((FIRST[0], FIRST[0] + (length + 1) // 2),))
    assert not is_marked(FIRST, ((FIRST[0], FIRST[0] + length // 2 - 1),))


def test_decided_sentences_keep_their_mark_when_others_change():
    decided = marks_by_sentence(TEXT, (SECOND,))
    edited = TEXT.replace("dark", "bright")
    assert spans_after_edit(edited, decided) == (SECOND,)


def test_sentences_that_nobody_decided_on_are_guessed():
    guessed = tuple(guess_instructions(TEXT))
    assert FIRST in guessed
    assert spans_after_edit(TEXT, {}) == guessed
    assert FIRST not in spans_after_edit(TEXT, {TEXT[slice(*FIRST)]: False})
