"""What a model waits for while the other one is at work."""

from __future__ import annotations

import pytest

from analysis.events import Progress
from app.views.saliency.pair import Pair
from app.views.saliency.side import Side

WRITES = Progress("generate", 29, 300)


@pytest.mark.parametrize(
    ("answered", "at", "words"),
    [
        (True, WRITES, "Tuned is explained after base's answer."),
        (False, WRITES, "Tuned answers after base's answer."),
        (True, Progress("attribute", 1, 9), ""),
        (True, None, ""),
    ],
)
def test_while_one_model_writes_its_answer_the_other_says_that_it_waits(answered, at, words):
    pair = Pair([Side("m/base"), Side("m/tuned")])
    base, tuned = (side.gradient for side in pair.sides)
    base.watch = tuned.watch = object()
    base.progress, tuned.attribution = at, object() if answered else None
    assert pair.behind(1) == words
    assert pair.behind(0) == ""
