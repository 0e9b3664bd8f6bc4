"""The panes of the Saliency view, one per model: a response line above a face or words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from analysis.saliency.map import SaliencyMap
from app.terminal.model_marks import marked
from app.terminal.text import fit, prose, visible
from app.views.saliency.comparison import Place
from app.views.saliency.cursor import Cursor
from app.views.saliency.pair import Pair
from app.views.saliency.shown import Shown
from app.widgets.lines import Line, Lines
from app.widgets.token_face import TokenFace, TokenMap
from app.widgets.token_grid import TokenGrid
from app.widgets.token_overview import TokenOverview
from app.widgets.token_text import ColouredBy, TokenText

FaceName = Literal["answers", "grid", "overview"]
FACES: dict[FaceName, type[TokenFace]] = {
    "answers": TokenText,
    "grid": TokenGrid,
    "overview": TokenOverview,
}
"""The first one is what a reader meets first."""


class SaliencyPane(Vertical):
    """Shows one side of a comparison. Faces are built on first use."""

    def __init__(
        self,
        side: int,
        *,
        ascii_only: bool,
        follow: Callable[[TokenFace.CursorMoved], None],
        id: str,  # noqa: A002
    ) -> None:
        """Args: 0 base or 1 tuned; draw in ASCII; handler of cursor moves; the widget's id."""
        super().__init__(id=id)
        self._follow = follow
        self._texts: list[str] = []
        self.side = side
        self._ascii = ascii_only
        self._face: FaceName = "answers"
        self._faces: dict[FaceName, TokenFace] = {}
        self._shown: Shown | None = None
        self._map: TokenMap | None = None
        self._digits = self._by_density = self._walked = False

    def compose(self) -> ComposeResult:
        yield Lines(classes="response")
        yield Static("", classes="words", markup=False)

    @property
    def face(self) -> TokenFace | None:
        """The current face; None while words are shown."""
        return self._faces.get(self._face) if self._map is not None else None

    def title(self, name: str, note: str) -> None:
        """Set the pane's title to the model's name and a note, made harmless."""
        ascii_only = self._ascii
        shown = marked(self.side, prose(name, ascii_only=ascii_only), ascii_only=ascii_only)
        # Textual parses a plain string as markup.
        self.border_title = Text(shown + (f" · {note}" if note else ""))

    def show_words(self, text: str, *, bad: bool = False) -> None:
        """Show words instead of a map."""
        self._map = None
        for face in self._faces.values():
            face.display = False
        words = self.query_one(".words", Static)
        words.display = True
        words.set_class(bad, "bad")
        words.update("\n".join(prose(line, ascii_only=self._ascii) for line in text.split("\n")))
        self.query_one(Lines).show()

    def show_map(self, shown: Shown) -> None:
        """Show a side of a comparison; repaints little if only numbers changed."""
        self._shown = shown
        old, new = self._map, self._newest()
        same = (
            old is not None
            and list(old.row_labels) == list(new.row_labels)
            and list(old.column_labels) == list(new.column_labels)
        )
        self._map = new
        if not same:
            self._texts = [visible(text, ascii_only=self._ascii) for text in new.column_labels]
        self.query_one(".words", Static).display = False
        face = self._current_face()
        # Negative numbers need more room: lay out the columns again.
        signed = (new.negative is None, face.map.negative is None)
        if same and face.map.shape == new.shape and signed[0] == signed[1]:
            face.update_levels(
                new.levels,
                missing=new.missing,
                negative=new.negative,
                density=new.density,
                totals=new.totals,
                negative_totals=new.negative_totals,
            )
        else:
            face.show(new)
        self.move(shown.cursor)

    def _newest(self) -> TokenMap:
        """What the face shows: tokens, or in the answers every token as its word."""
        assert self._shown is not None
        by_token, by_word = self._shown.comparison, self._shown.words
        return (by_word if self._face == "answers" else by_token).token_map(self.side)

    def _current_face(self) -> TokenFace:
        face = self._faces.get(self._face)
        if face is None:
            face = FACES[self._face](self._map, ascii_only=self._ascii, follow=self._follow)
            self._faces[self._face] = face
            self.mount(face)
            self._apply_options(face)
        for other in self._faces.values():
            other.display = other is face
        return face

    def _apply_options(self, face: TokenFace) -> None:
        if isinstance(face, TokenGrid):
            face.digits = self._digits
        if isinstance(face, TokenText):
            of_response: ColouredBy = "column" if self._walked else "whole"
            face.coloured_by = "density" if self._by_density else of_response

    def choose(self, name: FaceName) -> None:
        """Show the data as another face."""
        before = self.face
        self._face = name
        if self._map is None:
            return
        self._map = self._newest()
        face = self._current_face()
        face.show(self._map)
        if before is not None:
            face.move_cursor(*before.cursor)

    def options(self, *, digits: bool | None = None, by_density: bool | None = None) -> None:
        """Set whether the grid shows digits, and what colours the text; None leaves it."""
        self._digits = self._digits if digits is None else digits
        self._by_density = self._by_density if by_density is None else by_density
        for face in self._faces.values():
            self._apply_options(face)

    def move(self, cursor: Cursor) -> None:
        """Move the cursor, and show its place in the response."""
        face = self.face
        if face is not None:
            self._walked = cursor.walked[self.side]
            self._apply_options(face)
            face.move_cursor(cursor.row, cursor.columns[self.side])
            self._show_response(cursor.columns[self.side])

    def mark(self) -> None:
        """Show the marks of instructions anew."""
        if self._map is not None:
            self._map = self._newest()
            face = self._current_face()
            face.update_marks(self._map.marked)

    def highlight(self, places: Sequence[Place]) -> None:
        face = self.face
        if face is not None:
            rows = [place.row for place in places if place.row is not None]
            columns = [p.column for p in places if p.row is None and p.side == self.side]
            face.highlight(rows, columns)

    def _show_response(self, column: int) -> None:
        """Show the response on one line with its current token visible and underlined."""
        texts = self._texts
        line = self.query_one(Lines)
        # The answers show the whole response themselves.
        line.display = self._face != "answers"
        if not texts:
            line.show([("the response is empty", "dim")])
            return
        here = texts[min(column, len(texts) - 1)]
        arrow = "-> " if self._ascii else "→ "
        room = max(0, line.size.width - cell_len(here) - 2)
        before = _tail(
            "".join(texts[:column]), max(room // 2, room - cell_len("".join(texts[column + 1 :])))
        )
        after = fit("".join(texts[column + 1 :]), max(0, room - cell_len(before)))
        parts: Line = [(arrow, "dim"), (before, "dim"), (here, "strong"), (after, "dim")]
        line.show(parts)

    def on_resize(self) -> None:
        face = self.face
        if face is not None:
            self.call_after_refresh(self._show_response, face.cursor[1])


class SaliencyPanes(Horizontal):
    """The base model's pane and the tuned model's, side by side.

    Attributes:
        by_density: Whether the answers are coloured by density instead of importance.
    """

    def __init__(
        self,
        *,
        ascii_only: bool,
        follow: Callable[[TokenFace.CursorMoved], None],
        id: str,  # noqa: A002
    ) -> None:
        """Args: draw in ASCII; handler of cursor moves; the widget's id."""
        super().__init__(id=id)
        self.by_density = False
        self.both = tuple(
            SaliencyPane(side, ascii_only=ascii_only, follow=follow, id=name)
            for side, name in enumerate(("base", "tuned"))
        )

    def compose(self) -> ComposeResult:
        yield from self.both

    def side_of(self, widget: Widget, *, otherwise: int) -> int:
        """The side of the pane that contains a widget: 0 base, 1 tuned."""
        return next((pane.side for pane in self.both if pane in widget.ancestors), otherwise)

    def activate(self, side: int) -> None:
        """Mark one pane as active; on a narrow screen only that one is shown."""
        for pane in self.both:
            pane.set_class(pane.side == side, "active")

    def show(self, shown: Shown, unasked: str) -> None:
        """Set titles, and show maps or words; `unasked` where there is nothing to show yet."""
        pair, comparison = shown.pair, shown.comparison
        self.set_class(not any(pair.names), "-unasked")
        if not any(pair.names):
            self.both[0].title("", "")
            self.both[0].show_words(unasked)
            return
        for pane, side in zip(self.both, pair.sides, strict=True):
            provisional = comparison.provisional(pane.side)
            pane.title(side.name, side.title(pair.method, provisional=provisional))
            if comparison.maps[pane.side] is not None:
                pane.show_map(shown)
        self.show_waiting(pair, comparison.maps)

    def show_waiting(self, pair: Pair, maps: Sequence[SaliencyMap | None]) -> None:
        """Say in the panes without a map what they wait for, or how far the answer is."""
        for pane, side, shown in zip(self.both, pair.sides, maps, strict=True):
            if shown is None:
                failed = side.answer(pair.method).problem is not None
                pane.show_words(pair.words(pane.side), bad=failed)

    def choose(self, name: FaceName) -> None:
        for pane in self.both:
            pane.choose(name)

    def digits(self, shown: bool) -> None:
        """Show scores as numbers in the grid, or as shades."""
        for pane in self.both:
            pane.options(digits=shown)

    def turn_colours(self) -> None:
        """Colour the text by importance or by density."""
        self.by_density = not self.by_density
        for pane in self.both:
            pane.options(by_density=self.by_density)

    def move(self, cursor: Cursor) -> None:
        """Move both cursors to a row, each to its own column."""
        for pane in self.both:
            pane.move(cursor)

    def mark(self) -> None:
        for pane in self.both:
            pane.mark()

    def highlight(self, places: Sequence[Place]) -> None:
        for pane in self.both:
            pane.highlight(places)


def _tail(text: str, cells: int) -> str:
    """The end of a text, at most this many terminal columns."""
    while cell_len(text) > cells:
        excess = cell_len(text) - cells
        text = text[max(1, excess // 2) :]
    return text
