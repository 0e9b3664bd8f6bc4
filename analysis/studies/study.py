"""The input of a study, and what it yields while it runs.

A study is a generator function that takes a `PairInput`, or an input of its own built on one, and
yields `Progress` and `Notice`. Closing it stops it; what was computed by then is in the cache. It
imports no torch and asks a session for whatever needs a model, so a stopped study can be resumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from analysis.request import ModelChoice, Pair
from analysis.session.drive import Answerer, Asking

if TYPE_CHECKING:
    from analysis.studies.findings import Findings


@dataclass(frozen=True)
class PairInput:
    """A pair of models, and the session that answers for them.

    `FILES` are the fields that name a file which is read, and which counts by its content.
    """

    FILES: ClassVar[tuple[str, ...]] = ()

    session: Answerer
    base: ModelChoice
    tuned: ModelChoice

    @property
    def pair(self) -> Pair:
        return self.base, self.tuned


Study: TypeAlias = Asking["Findings"]
