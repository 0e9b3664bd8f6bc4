"""The lines around the views: the header, with what is open and the views, and the key line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.geometry import Size

from analysis.events import EngineStatus
from app.frame.action import Action
from app.frame.actions import ACTIONS, described, key_names
from app.frame.registry import ViewSpec
from app.terminal.model_marks import marked
from app.terminal.text import prose
from app.widgets.lines import Line, width_of
from app.workspace import LibraryWorkspace, Workspace

MINIMUM = (80, 24)
_STATES = {
    "off": "engine off",
    "starting": "engine starting",
    "idle": "engine ready",
    "busy": "engine busy",
}


def header(
    workspace: Workspace,
    status: EngineStatus,
    views: Sequence[ViewSpec],
    current: str,
    size: Size,
    *,
    typing: bool,
    doing: str,
) -> tuple[Line, Line]:
    """The screen's first line: the workspace and engine state on the left, the views on the right.

    `current` is a view's id; view titles are left out if they do not fit. While `typing`, numbers
    are text, and views have function keys. `doing` says what the engine works on, harmless.
    """
    left = _open(workspace, status, doing)
    if size.width < MINIMUM[0] or size.height < MINIMUM[1]:
        left.append((f"  {MINIMUM[0]}×{MINIMUM[1]} shows more", "warn"))
    tabs = _tabs(views, current, typing=typing)
    fits = width_of([*left, *tabs]) <= size.width
    return left, tabs if fits else _tabs(views, current, typing=typing, titles=False)


def _open(workspace: Workspace, status: EngineStatus, doing: str) -> list[tuple[str, str]]:
    left: list[tuple[str, str]] = [(" insttui ", "accent")]
    if isinstance(workspace, LibraryWorkspace):
        names = _pair(workspace.library.models)
        return [*left, (prose(names), "strong"), ("  stored results", "dim")]
    names = _pair([model.name for model in workspace.pair])
    places = sorted({model.device for model in status.models})
    busy = doing if status.state == "busy" else ""
    state = busy or " · ".join([_STATES[status.state], *places])
    return [*left, (prose(names), "strong"), (prose(f"  {state}"), "dim")]


def _pair(names: Sequence[str]) -> str:
    """The models behind their marks; a library may have one only."""
    return " ".join(marked(side, name) for side, name in enumerate(names))


def _tabs(views: Sequence[ViewSpec], current: str, *, typing: bool, titles: bool = True) -> Line:
    """The views by key and title; without titles, only the current one keeps its own."""
    tabs: list[tuple[str, str]] = []
    # Of bare numbers, the first says for all that they are function keys.
    told = range(2, len(views) + 1) if titles else (2,)
    for number, spec in enumerate(views, 1):
        here = spec.id == current
        # Bare numbers are packed tightly: a narrow screen may need many.
        key = f"F{number}" if typing and number in told else f"{number}"
        words = f" {key} {spec.title} " if titles or here else f" {key}"
        tabs.append((words, "strong" if here else "dim"))
    return tabs


def key_order(of_view: Sequence[Action], of_table: Sequence[Action]) -> list[Action]:
    """Actions in the order of the key line: what a view is for, then what arranges its table."""
    arranging, looking = of_table[:3], of_table[3:]
    return [*of_view[:1], *arranging, *of_view[1:], *looking, ACTIONS["app.palette"]]


def key_line(
    actions: Iterable[Action], keymap: dict[str, str], *, typing: bool, width: int
) -> Line:
    """Keys with their labels as far as they fit, then help and quit.

    The most important actions come first; while `typing`, a text widget takes plain letters.
    """
    ends = [ACTIONS["app.help"], ACTIONS["app.stop" if typing else "app.quit"]]
    end = [part for action in ends for part in _key(action, keymap, typing)]
    parts: list[tuple[str, str]] = []
    for action in actions:
        key = _key(action, keymap, typing) if action.label else []
        if width_of([*parts, *key, *end]) <= width:
            parts.extend(key)
    return [*parts, *end]


def _key(action: Action, keymap: dict[str, str], typing: bool) -> Line:
    names = key_names(action, keymap).split()
    if typing:
        names = [name for name in names if len(name) > 1]
    return [(f" {names[0]}", "accent"), (f" {action.label} ", "")] if names else []


def keys_in_words(
    actions: Iterable[Action], keymap: dict[str, str], views: Sequence[ViewSpec]
) -> list[tuple[str, str]]:
    """The help panel's rows for actions with keys: the keys, and what they do."""
    titles = [view.title for view in views]
    return [
        (key_names(action, keymap), f"{described(action, titles)}  ({action.id})")
        for action in actions
        if action.keys or action.id in keymap
    ]
