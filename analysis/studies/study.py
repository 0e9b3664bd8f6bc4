"""What a study is given and what it says while it runs.

A study is a generator function that is given a `PairInput`, or what its room makes of one, and
yields `Progress` and `Notice`; closing it stops it, and what was computed until then is in the
cache. It runs on the torch-free side and asks a session for whatever needs a model, so that a study
that was stopped goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from analysis.request import ModelChoice, Pair
from analysis.session.drive import Answerer, Asking

if TYPE_CHECKING:
    from analysis.studies.findings import Findings


@dataclass(frozen=True)
class PairInput:
    """A pair of models and who answers for them.

    Attributes:
        session: Answers requests, from the cache where it can.
        base: The base model.
        tuned: The instruction-tuned model.
    """

    session: Answerer
    base: ModelChoice
    tuned: ModelChoice

    @property
    def pair(self) -> Pair:
        """Base and tuned model."""
        return self.base, self.tuned


Study: TypeAlias = Asking["Findings"]
