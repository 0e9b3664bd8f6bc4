"""The first line of the screen: what is open, what the engine does, and which views there are."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.events import EngineStatus
from app.frame.registry import ViewSpec
from app.terminal.text import prose
from app.widgets.lines import Line
from app.workspace import LibraryWorkspace, Workspace

_STATES = {
    "off": "engine off",
    "starting": "engine starting",
    "idle": "engine ready",
    "busy": "engine busy",
}


def header_line(workspace: Workspace, status: EngineStatus) -> Line:
    """The models, and the engine's state with the devices it uses."""
    left: list[tuple[str, str]] = [(" insttui  ", "accent")]
    if isinstance(workspace, LibraryWorkspace):
        names = " │ ".join(workspace.library.models)
        return [*left, (prose(names), "strong"), ("  stored results", "dim")]
    names = f"{workspace.base.name} │ {workspace.tuned.name}"
    places = sorted({model.device for model in status.models})
    state = " · ".join([_STATES[status.state], *places])
    return [*left, (prose(names), "strong"), (prose(f"  {state}"), "dim")]


def tabs_line(views: Sequence[ViewSpec], current: str, *, titles: bool = True) -> Line:
    """The views by number and title; without titles, only the current one has its own."""
    tabs: list[tuple[str, str]] = []
    for number, spec in enumerate(views, 1):
        here = spec.id == current
        # Numbers alone stand close together: there may be many on a narrow screen.
        words = f" {number} {spec.title} " if titles or here else f" {number}"
        tabs.append((words, "strong" if here else "dim"))
    return tabs
