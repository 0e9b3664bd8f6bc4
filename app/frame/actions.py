"""Every action, of the app and its views: keys, key line, help panel and palette come from here."""

from __future__ import annotations

from collections.abc import Sequence

from textual.actions import parse
from textual.binding import Binding, BindingType

from app.frame.action import Action
from app.frame.registry import VIEWS
from app.widgets.table_list import TableList

_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth"),
    *("sixth", "seventh", "eighth", "ninth", "tenth"),
)


def _view_keys(number: int) -> str:
    # Where one writes, a number is text. F1 is help, as everywhere; 0 stands behind 9.
    return f"{number % 10},f{number}" if number > 1 else "1"


_APP = (
    *(
        Action(
            f"app.view_{n + 1}",
            _view_keys(n + 1),
            "",
            f"Show the {ordinal} view",
            f"show_view({n})",
        )
        for n, ordinal in enumerate(_ORDINALS[: sum("pair" in view.workspaces for view in VIEWS)])
    ),
    Action(
        "app.help", "question_mark,f1", "help", "What this view shows, how to read it, its keys"
    ),
    Action("app.palette", "colon,ctrl+p", "palette", "All actions by name", "command_palette"),
    Action("app.jobs", "ctrl+g,J", "jobs", "All jobs: running, waiting, stopped and done", "jobs"),
    Action("app.doctor", "", "", "Doctor: what is wrong with this pair, what works with it"),
    Action(
        "app.twin", "Y", "", "Copy as command: the shown numbers without the app", "copy_command"
    ),
    Action("app.theme", "", "", "Choose a theme", "change_theme"),
    Action("app.screenshot", "", "", "Save the screen as an SVG picture", "save_screen"),
    Action(
        "app.suspend",
        "ctrl+z",
        "",
        "Back to the shell for a while; fg returns",
        "suspend_process",
        priority=True,
    ),
    Action("app.quit", "q", "quit", "Quit", "quit"),
    Action("app.stop", "ctrl+c", "quit", "Quit, from anywhere", "quit", priority=True),
)
_TABLE = tuple(
    Action(binding.id, binding.key, binding.description, binding.tooltip, binding.action)
    for binding in TableList.BINDINGS
    if isinstance(binding, Binding) and binding.id
)
_ALL = (*_APP, *_TABLE, *(action for view in VIEWS for action in view.actions()))

ACTIONS: dict[str, Action] = {action.id: action for action in _ALL}
"""Every action by its id, in the order of the help panels."""


def actions_of(scope: str) -> list[Action]:
    """The actions of the app, of one view or of tables."""
    return [action for action in _ALL if action.scope == scope]


# What only a pair of models has.
_OF_PAIRS = ("app.doctor", "app.jobs")

_BY_CALL = {(action.scope, *parse(action.action)[1:]): action for action in _ALL}


def action_of(scope: str, name: str, parameters: tuple[object, ...]) -> Action | None:
    """The action that this Textual call performs; None if it is not one of ours."""
    return _BY_CALL.get((scope, name, parameters))


def exists(action: Action, *, views: int, pair: bool) -> bool:
    """Whether an action of the app exists in a workspace with so many views, a pair or not."""
    number = action.id.removeprefix("app.view_")
    if number.isdigit():
        return int(number) <= views
    return pair or action.id not in _OF_PAIRS


def described(action: Action, titles: Sequence[str]) -> str:
    """What an action does; one that shows a view names it, by the titles of the views there are."""
    number = shows_view(action)
    if 0 < number <= len(titles):
        return f"{titles[number - 1]}: show this view"
    return action.description


def shows_view(action: Action) -> int:
    """The number of the view that an action shows, from 1; 0 if it shows none."""
    number = action.id.removeprefix("app.view_")
    return int(number) if number.isdigit() else 0


def bindings(scope: str) -> list[BindingType]:
    """Textual bindings of a scope; a keymap can rebind them by id."""
    return [
        Binding(
            action.keys,
            action.action,
            action.description,
            show=False,
            priority=action.priority,
            id=action.id,
        )
        for action in actions_of(scope)
        if action.keys
    ]


_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "plus": "+",
    "minus": "-",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "right_curly_bracket": "}",
    "left_curly_bracket": "{",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "escape": "esc",
    "ctrl+underscore": "ctrl-_",
}


def key_names(action: Action, keymap: dict[str, str], *, first_only: bool = False) -> str:
    """The keys of an action as users know them, with the user's own keys taking precedence."""
    keys = (keymap.get(action.id) or action.keys).split(",")
    names = [_NAMES.get(key.strip(), key.strip().replace("ctrl+", "ctrl-")) for key in keys]
    return names[0] if first_only else " ".join(name for name in names if name)
