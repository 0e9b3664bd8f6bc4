"""The lines around the views: the header, with what is open and the views, and the key line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.geometry import Size

from analysis.events import EngineStatus
from app.frame.action import Action
from app.frame.actions import ACTIONS, described, key_names, shows_view
from app.frame.registry import ViewSpec
from app.terminal.model_marks import marked
from app.terminal.text import prose
from app.widgets.lines import Line, width_of
from app.workspace import LibraryWorkspace, PairWorkspace, Workspace

MINIMUM = (80, 24)
# From this width on the program says its name.
_NAMED_FROM = 100
# What is left for what the engine does, at least, where views have titles.
_STATE_CELLS = 54
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

    `current` is a view's id. On a screen too narrow for them view titles are left out, and the
    program's name: whatever the engine does, nothing else moves. While `typing`, numbers are text,
    and views have function keys. `doing` says what the engine works on, harmless.
    """
    wide = size.width >= _NAMED_FROM
    models, state = _models(workspace), _state(workspace, status, doing)
    left: list[tuple[str, str]] = [(" insttui " if wide else " ", "accent"), (models, "strong")]
    tabs = _tabs(views, current, typing=typing)
    room = _STATE_CELLS if isinstance(workspace, PairWorkspace) else 2 + len(state)
    if width_of([*left, *tabs]) + room > size.width:
        tabs = _tabs(views, current, typing=typing, titles=False)
    left.append((f"  {state}", "dim"))
    if size.width < MINIMUM[0] or size.height < MINIMUM[1]:
        left.append((f"  {MINIMUM[0]}×{MINIMUM[1]} shows more", "warn"))
    return left, tabs


def _models(workspace: Workspace) -> str:
    """The models behind their marks; a library may have one only."""
    if isinstance(workspace, LibraryWorkspace):
        names: Sequence[str] = workspace.library.models
    else:
        names = [model.name for model in workspace.pair]
    return prose(" ".join(marked(side, name) for side, name in enumerate(names)))


def _state(workspace: Workspace, status: EngineStatus, doing: str) -> str:
    if isinstance(workspace, LibraryWorkspace):
        return "stored results"
    places = sorted({model.device for model in status.models})
    busy = doing if status.state == "busy" else ""
    return prose(busy or " · ".join([_STATES[status.state], *places]))


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
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The help panel's rows for actions with keys: the keys, and what they do.

    Those of what is shown, and those of the whole app, where all views have one row unless the user
    gave them keys.
    """
    titles = [view.title for view in views]
    here: list[tuple[str, str]] = []
    everywhere: list[tuple[str, str]] = []
    for action in actions:
        rows = everywhere if action.scope == "app" else here
        of_view = shows_view(action)
        if of_view and action.id not in keymap:
            if of_view == 1:
                last = len(titles)
                rows.append((f"1…{last} f2…f{last}", f"The views  (app.view_1 … app.view_{last})"))
        elif action.keys or action.id in keymap:
            rows.append((key_names(action, keymap), f"{described(action, titles)}  ({action.id})"))
    return here, everywhere
