"""The last line of the screen: the keys that work now."""

from __future__ import annotations

from collections.abc import Iterable

from app.frame.actions import ACTIONS, Action, key_names
from app.widgets.lines import Line, width_of


def key_line(
    actions: Iterable[Action], keymap: dict[str, str], *, typing: bool, width: int
) -> Line:
    """Keys with their labels as far as they fit, then help and quit.

    Args:
        actions: What can be done, what matters most first.
        keymap: The user's own keys.
        typing: A text has the focus: plain letters go into it.
        width: Columns that there are.
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
