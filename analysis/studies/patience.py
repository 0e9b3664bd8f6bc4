"""Asks what a study's prompts need, of which some may fail: these are left out, with the reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from analysis.events import Failed, Finished, Progress
from analysis.problems import ProblemError
from analysis.request import Request
from analysis.session.drive import Asker, Asking

# Problems of one case. Any other would affect the next case too.
_OF_ONE_CASE = ("input", "memory", "engine")
# This many cases in a row that kill the engine, or do not fit, are no coincidence.
_PATIENCE = 3


@dataclass
class PatientAsker:
    """Asks about one case after another; `left_out` says by its id why a case has no answer."""

    asker: Asker
    left_out: dict[str, str] = field(default_factory=dict)
    _failures: int = 0

    def ask(
        self, request: Request[Any], case: str, step: Progress, who: str = ""
    ) -> Asking[Finished | None]:
        """One answer about a case; None if there is none, with the reason in `left_out`.

        Args:
            request: What to ask.
            case: The case's id.
            step: Progress to report until there is news.
            who: Who was asked, for the reason.

        Raises:
            ProblemError: A problem that would affect every other case too.
        """
        ending = yield from self.asker.ending(request, step)
        if isinstance(ending, Failed) and ending.problem.kind == "engine":
            # It may have died of something else once; if it dies twice, it is because of this case.
            ending = yield from self.asker.ending(request, step)
        if isinstance(ending, Finished):
            self._failures = 0
            return ending
        wrong = ending.problem
        self._failures += wrong.kind != "input"
        if wrong.kind not in _OF_ONE_CASE or self._failures == _PATIENCE:
            raise ProblemError(wrong)
        self.left_out[case] = f"{who}: {wrong}" if who else str(wrong)
        return None
