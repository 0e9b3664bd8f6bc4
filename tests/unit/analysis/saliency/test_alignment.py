"""Rows of two models stand side by side where they cover the same place of the user's text."""

import numpy as np

from analysis.models.tokens import Tokens
from analysis.saliency.alignment import align_rows


def tokens(*parts):
    """Tokens from (text, span) pairs."""
    return Tokens(
        ids=tuple(range(len(parts))),
        texts=tuple(text for text, _ in parts),
        spans=tuple(span for _, span in parts),
    )


def aligned(left, right, show_special=True):
    def visible(side):
        return np.ones(len(side), np.bool_) if show_special else side.written_by_user()

    return align_rows(left, right, left_visible=visible(left), right_visible=visible(right))


PLAIN = tokens(("<s>", None), ("Say", (0, 3)), (" hi", (3, 6)))
TEMPLATE = tokens(
    *(("<s>", None), ("[INST]", None), ("Say", (0, 3)), (" hi", (3, 6)), ("[/INST]", None))
)


def test_a_chat_template_leaves_gaps_and_the_users_text_stays_aligned():
    assert aligned(PLAIN, PLAIN) == [(0, 0), (1, 1), (2, 2)]
    assert aligned(PLAIN, TEMPLATE) == [(0, 0), (None, 1), (1, 2), (2, 3), (None, 4)]
    assert aligned(TEMPLATE, PLAIN) == [(0, 0), (1, None), (2, 1), (3, 2), (4, None)]
    # Hidden rows do not appear.
    assert aligned(PLAIN, TEMPLATE, show_special=False) == [(1, 2), (2, 3)]


def test_tokenizers_that_cut_differently_meet_again_at_the_next_common_start():
    left = tokens(("keep", (0, 4)), ("ing", (4, 7)), (" on", (7, 10)))
    right = tokens(("ke", (0, 2)), ("eping", (2, 7)), (" on", (7, 10)))
    assert aligned(left, right) == [(0, 0), (None, 1), (1, None), (2, 2)]


def test_a_space_before_a_word_behind_it_or_nowhere_parts_no_words():
    before = tokens(("Say", (0, 3)), (" hi", (3, 6)), (" you", (6, 10)), ("!", (10, 11)))
    behind = tokens(("Say ", (0, 4)), ("hi ", (4, 7)), ("you", (7, 10)), ("!", (10, 11)))
    nowhere = tokens(("Say", (0, 3)), ("hi", (4, 6)), ("you", (7, 10)), ("!", (10, 11)))
    for left in (before, behind, nowhere):
        for right in (before, behind, nowhere):
            assert aligned(left, right) == [(0, 0), (1, 1), (2, 2), (3, 3)]


def test_white_space_alone_has_a_row_of_its_own():
    left = tokens(("a", (0, 1)), ("  ", (1, 3)), (" b", (3, 5)))
    right = tokens(("a", (0, 1)), ("   b", (1, 5)))
    assert aligned(left, right) == [(0, 0), (1, None), (2, 1)]


def test_bytes_of_one_character_pair_in_their_order():
    left = tokens(("<0xC3>", (0, 1)), ("<0xA9>", (0, 1)), ("t", (1, 2)))
    right = tokens(("é", (0, 1)), ("t", (1, 2)))
    assert aligned(left, left) == [(0, 0), (1, 1), (2, 2)]
    assert aligned(left, right) == [(0, 0), (1, None), (2, 1)]
    assert aligned(right, left) == [(0, 0), (None, 1), (1, 2)]


def test_every_visible_token_stands_in_one_row_and_in_order():
    random = np.random.default_rng(3)
    for _ in range(200):
        sides = []
        for _ in range(2):
            starts = np.sort(random.integers(0, 9, random.integers(0, 8))).tolist()
            spans = [None if random.random() < 0.2 else (start, start + 1) for start in starts]
            sides.append(tokens(*((str(random.integers(2)), span) for span in spans)))
        rows = aligned(*sides)
        for side in (0, 1):
            shown = [row[side] for row in rows if row[side] is not None]
            assert shown == list(range(len(sides[side])))
        assert (None, None) not in rows
