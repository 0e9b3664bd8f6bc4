"""The doctor's examination of the pair that the app has open: asked for once, when nobody waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from analysis.demo.catalog import is_demo
from analysis.doctor.findings import Findings, from_problem
from analysis.doctor.request import ExaminationRequest
from analysis.events import EngineStatus, Event, Failed, Finished
from app.findings_text import blocks, summary

if TYPE_CHECKING:
    from analysis.request import Pair
    from app.workspace import SessionLike

_TITLE = "Doctor"
_WIDTH = 68


class _Host(Protocol):
    """The parts of the app that are needed here."""

    def say(self, text: str, *, severity: str = "information") -> None: ...

    def call_later(self, callback: Callable[[], Any]) -> bool: ...

    def push_screen(self, screen: Any) -> Any: ...


class Examination:
    """Starts behind the first models that the engine has loaded, and speaks up only if needed.

    It gives way to every other request, and never starts an engine by itself. The embedded pair is
    examined on request alone: it is known to be well.
    """

    def __init__(self, pair: Pair, session: SessionLike, host: _Host) -> None:
        self._pair, self._session, self._host = pair, session, host
        self._asked = self._wanted = False
        self._findings: Findings | None = None

    def engine_changed(self, status: EngineStatus) -> None:
        """Begin once the engine has loaded a model."""
        demo = is_demo(*(each.name for each in self._pair))
        if status.models and not demo:
            self._ask()

    def show(self) -> None:
        """Open the page of findings, now or when they are there."""
        if self._findings is None:
            self._wanted = True
            self._ask()
            self._host.say("The pair is being examined; the findings will open.")
        else:
            self._open(self._findings)

    def _ask(self) -> None:
        if not self._asked:
            self._asked = True
            job = self._session.submit(ExaminationRequest(*self._pair), self._hear, background=True)
            job.put_behind(True)

    def _hear(self, event: Event) -> None:
        # On the session's thread.
        if isinstance(event, Finished):
            findings: Findings = event.result
        elif isinstance(event, Failed):
            findings = Findings((from_problem("examination", "cannot", "pair", event.problem),))
        else:
            return
        self._host.call_later(lambda: self._found(findings))

    def _found(self, findings: Findings) -> None:
        self._findings = findings
        if self._wanted:
            self._open(findings)
        elif findings.worst != "ok":
            number = len(findings.at("warning", "cannot"))
            what = findings.at("cannot", "warning")[0].what if number == 1 else summary(findings)
            self._host.say(
                f"About this pair: {what} More under Doctor in the palette.", severity="warning"
            )

    def _open(self, findings: Findings) -> None:
        from app.widgets.help_panel import HelpPanel

        text = "\n\n".join(block for _, block in blocks(findings, _WIDTH))
        self._host.push_screen(HelpPanel(_TITLE, f"{summary(findings)}\n\n{text}", ()))
