"""All heads at once: ranked by change, as a map, and the words that they relate.

The ranking and the map show the same head under their cursors. In a narrow view only the pane that
has the focus is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from analysis.heads.changes import WordPairChange
from analysis.heads.word_counts import WordHeads
from app.terminal.model_marks import MARKS
from app.terminal.text import visible
from app.views.heads.atlas import HeadAtlas
from app.views.heads.layer import HeadLayer, HeadSummary
from app.views.heads.page import STATUSES, pair_text
from app.widgets.head_map import HeadMap
from app.widgets.scale import Span, change_style, sign_of
from app.widgets.table_list import TableList
from app.widgets.table_rows import Column, Row, Rows

Place = tuple[int, int]
"""Layer and head, from 0."""

_PANES = ("ranking", "map", "by-word")
_COUNTED_FROM = 84
"""From this width on the ranking has numbers of pairs."""
_NUMBERS, _NUMBER = 30, 5
"""Cells that layer, head and change take, with frame and gaps; and a number of pairs."""
_FRAME = 2


class HeadRanking(TableList):
    """A line a head, those that changed most first."""

    def __init__(self, follow: Callable[[], None], *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        """Args: called when the cursor moves; plain ASCII; the widget's id."""
        super().__init__(
            ascii_only=ascii_only, follow=follow, empty=" no head yet", filters=False, id=id
        )
        self.heads: Sequence[HeadSummary] = ()

    def show_heads(self, heads: Sequence[HeadSummary], span: Span, place: Place | None) -> None:
        """List heads, with the cursor on that of a place, or on the first; `span` colours them."""
        self.heads = heads
        signs = [(sign_of(style, ascii_only=self._ascii), style) for style in STATUSES.values()]
        counted = signs if self.size.width >= _COUNTED_FROM else []
        columns = (
            Column("layer"),
            Column("head"),
            Column("change", "{:.2f}".format, span.shade),
            *(Column(sign, style=style) for sign, style in counted),
            *(
                Column(f"{sign} {name}", style=style, least=16, harmless=True)
                for (sign, style), name in zip(signs[1:], ("gained", "lost"), strict=True)
            ),
        )
        room = (self.size.width - _NUMBERS - _NUMBER * len(counted)) // 2

        def cells(index: int) -> Row:
            head = heads[index]
            counts = (head.kept, *head.counts) if counted else ()
            named = (self._named(pairs, room) for pairs in (head.gained, head.lost))
            return head.layer, head.head, head.change, *counts, *named

        row = next((n for n, head in enumerate(heads) if head.place == place), 0)
        self.show_rows(columns, Rows.made(len(heads), cells), row=row)

    @property
    def place(self) -> Place | None:
        """The head under the cursor."""
        number = self.row_number
        return None if number is None else self.heads[number].place

    def go_to(self, place: Place) -> None:
        """Put the cursor on a head, if it is there."""
        row = next((n for n, head in enumerate(self.heads) if head.place == place), None)
        if row is not None:
            self.move_to_row(row)

    def _named(self, pairs: Sequence[WordPairChange], room: int) -> str:
        """The first pairs, as many as fit, but at least one."""
        named = ""
        for pair in pairs:
            text = pair_text(pair.word_a, pair.word_b, ascii_only=self._ascii)
            longer = f"{named}  {text}" if named else text
            if named and cell_len(longer) > room:
                break
            named = longer
        return named


class HeadOverview(Horizontal):
    """The three panes; `place` is the head under the cursor of the map."""

    def __init__(self, follow: Callable[[], None], *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        """Args: called when the user moves to another head; plain ASCII; the widget's id."""
        super().__init__(id=id)
        self._ascii, self._follow = ascii_only, follow
        self._words: Sequence[WordHeads] = ()
        self._pane = _PANES[0]
        # Rows that come move the cursor of the ranking, which is nobody's choice: the head that was
        # gone to may not be among them yet.
        self._listing = False
        # The cursor stays on the first rank until the user moves it.
        self._moved = False

    def compose(self) -> ComposeResult:
        with Vertical(id="left"):
            yield HeadMap(ascii_only=self._ascii, follow=lambda _: self._map_moved(), id="map")
            yield TableList(
                ascii_only=self._ascii, empty=" no word yet", filters=False, id="by-word"
            )
        yield HeadRanking(self._ranking_moved, ascii_only=self._ascii, id="ranking")

    def on_mount(self) -> None:
        self._choose(self._pane)
        for pane, title in zip(
            _PANES,
            ("heads by change", "layers × heads", "heads that relate a word"),
            strict=True,
        ):
            self.query_one(f"#{pane}").border_title = Text(title)

    @property
    def map(self) -> HeadMap:
        return self.query_one(HeadMap)

    @property
    def ranking(self) -> HeadRanking:
        return self.query_one(HeadRanking)

    @property
    def place(self) -> Place:
        return self.map.cursor

    @property
    def span(self) -> Span:
        """What the colours are spread over."""
        return self.map.span

    @property
    def word(self) -> str | None:
        """The word under the cursor of the list of words."""
        number = self.query_one("#by-word", TableList).row_number
        return None if number is None else self._words[number].word

    def begin(self, layers: int, heads: int) -> None:
        """Show that no layer is computed yet."""
        self.map.begin(layers, heads)
        self.fit()

    def add(self, layer: HeadLayer, atlas: HeadAtlas) -> None:
        """Show a layer that is new in the atlas."""
        self.map.update_layer(layer.number, layer.change)
        self._words = atlas.words
        self._show_words()
        self._show_ranking(atlas.ranked)

    def go_to(self, place: Place) -> None:
        """Put the cursors on a head; it need not be computed yet."""
        self._moved = True
        self.map.move_cursor(*place)
        self.ranking.go_to(place)

    @property
    def next_pane(self) -> str:
        """The pane behind the one that has the focus, or had it last."""
        return _PANES[(_PANES.index(self._pane) + 1) % len(_PANES)]

    def turn(self) -> None:
        """Go on to the next pane."""
        self._choose(self.next_pane)
        self.focus_shown()

    def focus_shown(self) -> None:
        self.query_one(f"#{self._pane}").focus()

    def fit(self) -> None:
        """Give the map the room that its heads need, or all of a narrow view."""
        narrow = self.has_class("-narrow")
        rows, columns = self.map.map.shape
        labels = len(str(rows)) + 3 + _FRAME
        wanted = max(34, min(labels + 4 * columns, self.size.width // 3))
        self.query_one("#left").styles.width = None if narrow else wanted
        self.map.styles.height = None if narrow else rows + 1 + _FRAME
        self._show_ranking(self.ranking.heads)

    def _choose(self, pane: str) -> None:
        self._pane = pane
        for each in _PANES:
            self.set_class(each == pane, f"-on-{each}")

    def _show_ranking(self, heads: Sequence[HeadSummary]) -> None:
        moved, ranking = self._moved, self.ranking
        self._listing = True
        ranking.show_heads(heads, self.span, self.place if moved else None)
        self._listing = False
        if not moved and ranking.place is not None:
            self.map.move_cursor(*ranking.place)
        self._moved = moved

    def _show_words(self) -> None:
        words = self._words
        names = [mark.ascii if self._ascii else mark.glyph for mark in MARKS]
        columns = (
            Column("word", least=8, harmless=True),
            *map(Column, names),
            Column("change", "{:+d}".format, change_style),
        )

        def cells(index: int) -> Row:
            each = words[index]
            text = visible(each.word, ascii_only=self._ascii)
            return text, each.base, each.tuned, each.difference

        self.query_one("#by-word", TableList).show_rows(columns, Rows.made(len(words), cells))

    def _map_moved(self) -> None:
        self._moved = True
        self.ranking.go_to(self.place)
        self._follow()

    def _ranking_moved(self) -> None:
        place = self.ranking.place
        if place is not None and place != self.place and not self._listing:
            self._moved = True
            self.map.move_cursor(*place)
            self._follow()
