"""Examples and earlier prompts to choose from, and the one under the cursor in full."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from app.frame.shell import Shell
from app.state import Prompt
from app.terminal.text import pad, prose
from app.widgets.item_list import FollowedList
from app.widgets.lines import Line
from app.widgets.prompt_entry import one_to_one
from app.workspace import Example


class Choices(Vertical):
    """The list of examples above the history."""

    def __init__(
        self,
        ui: Shell,
        examples: Sequence[Example],
        follow: Callable[[], None],
        *,
        id: str,  # noqa: A002 - Textual's own name
    ) -> None:
        """Args: the app, for its history; the examples; called when a cursor moves; the id."""
        super().__init__(id=id)
        self._ui, self._all, self._follow = ui, examples, follow

    def compose(self) -> ComposeResult:
        none = "Prompts you ran appear here."
        self._examples = FollowedList(self._example, self._follow, empty="", id="examples")
        self._history = FollowedList(self._past, self._follow, empty=none, id="history")
        yield self._examples
        yield self._history

    def on_mount(self) -> None:
        self._examples.show(len(self._all))
        self._history.show(len(self._ui.state.history))

    def say_keys(self, *, entry_steps: bool) -> None:
        """Say in the titles which keys choose here now; what enter does, another line says.

        `entry_steps` says whether up and down in the entry go on in the examples.
        """
        examples = "up/down choose" if entry_steps else ""
        for items, title, key in (
            (self._examples, "Examples", examples),
            (self._history, "History", ""),
        ):
            said = "space edits" if items.has_focus else key
            items.border_title = f"{title} · {said}" if said else title

    def step(self, by: int) -> None:
        """Go on in the examples."""
        self._examples.move_cursor(self._examples.cursor + by)

    def chosen(self, *, entry_empty: bool) -> Example | Prompt | None:
        """What the cursor of the focused list is on; for an empty entry, the example's."""
        if self._history.has_focus:
            past = self._ui.state.history
            return past[self._history.cursor] if past else None
        if self._all and (self._examples.has_focus or entry_empty):
            return self._all[self._examples.cursor]
        return None

    def _example(self, index: int, width: int) -> Line:
        example = self._all[index]
        # The entry may have the focus: the cursor has a mark of its own.
        here = self._examples.cursor == index
        mark = ("> " if self._ui.settings.ascii else "▸ ") if here else "  "
        kind = f" {prose(example.kind)} " if example.kind else ""
        title = pad(prose(example.title), max(0, width - cell_len(mark) - cell_len(kind)))
        return [(mark, "accent"), (title, ""), (kind, "dim")]

    def _past(self, index: int, width: int) -> Line:
        text = " ".join(self._ui.state.history[index].text[:200].split())
        return [(f" {prose(text, ascii_only=self._ui.settings.ascii)}", "")]


class ShownChoice(VerticalScroll, can_focus=False):
    """A prompt, line for line as it would stand in the entry, under its title."""

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)

    def show(self, chosen: Example | Prompt, prose: Callable[[str], str]) -> None:
        """Show another one; `prose` makes a title harmless."""
        title, text = "Earlier prompt", ""
        if isinstance(chosen, Example):
            kind = f" · {prose(chosen.kind)}" if chosen.kind else ""
            title, text = f"{prose(chosen.title)}{kind}", chosen.prompt
        else:
            text = chosen.text
        # Textual parses a plain string as markup.
        self.border_title = Text(title)
        self.query_one(Static).update(
            Content("\n".join(one_to_one(line) for line in text.split("\n")))
        )
        self.scroll_home(animate=False)
