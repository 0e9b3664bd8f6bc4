"""The pages of one study: an overview, a text, a table, or a figure with its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import wrap

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.events import Resize

from analysis.table import Cell
from app.views.studies.figures import bars_of, plot_of
from app.views.studies.marks import ModelNames
from app.views.studies.pages import StudyPage
from app.views.studies.text import as_content, as_lines, row_lines
from app.widgets.bar_list import BarList
from app.widgets.lines import Lines, Part
from app.widgets.plot import Plot
from app.widgets.table_list import TableList
from app.widgets.table_rows import AS_IT_COMES, Arrangement, Rows, cell_text
from app.widgets.text_page import TextPage

BESIDE_FROM = 100
"""From this width on a figure's numbers appear next to it."""
DRAWN_FROM = 16
"""From this height on an overview has a figure between the finding and the table."""

_TITLE_LINES = 2
_LOWEST, _HIGHEST = 7, 24
"""Lines of a plot on an overview."""

_KINDS = ("overview", "text", "table", "lines", "bars")


class StudyPane(Vertical):
    """Shows one page at a time; each keeps its cursor, and how its rows are arranged."""

    def __init__(
        self,
        *,
        prose: Callable[[str], str],
        names: ModelNames,
        ascii_only: bool,
        id: str,  # noqa: A002 - Textual's own name
    ) -> None:
        """Args: makes text harmless; marks the models' names; plain ASCII; the widget's id."""
        super().__init__(id=id)
        self._prose, self._names, self._ascii = prose, names, ascii_only
        self._told: Sequence[Part] = ()
        self._study = ""
        self._pages: Sequence[StudyPage] = ()
        self._number = 0
        self._arranged: dict[tuple[str, str], Arrangement] = {}
        self._row_height = 0

    def compose(self) -> ComposeResult:
        yield Lines(id="page-title")
        yield TextPage(id="text")
        yield Lines(id="finding")
        with Container(id="figure"):
            yield Plot(ascii_only=self._ascii, id="plot")
            yield BarList(ascii_only=self._ascii, id="bars")
            yield TableList(ascii_only=self._ascii, id="rows", follow=self._show_row)
        yield Lines(id="row")

    @property
    def page(self) -> StudyPage | None:
        return self._pages[self._number] if self._pages else None

    @property
    def count(self) -> int:
        return len(self._pages)

    @property
    def leads_on(self) -> bool:
        """Whether the row under the cursor links to another view."""
        return self.page is not None and bool(self.page.opens and self.row)

    @property
    def exports(self) -> bool:
        """Whether the page has a table, or the numbers of a figure."""
        page = self.page
        return page is not None and page.table is not None

    @property
    def rows(self) -> TableList:
        return self.query_one("#rows", TableList)

    @property
    def row(self) -> dict[str, Cell]:
        """The row under the cursor by column; empty for none."""
        page, row = self.page, self.rows.cells
        if page is None or not page.has_rows or page.table is None or row is None:
            return {}
        return dict(zip(page.table.columns, row, strict=True))

    def show(self, study: str, pages: Sequence[StudyPage], told: Sequence[Part]) -> bool:
        """Show a study's pages, keeping the page; returns whether it changed.

        Args:
            study: Its name.
            pages: Its pages.
            told: What is to say of it, in harmless paragraphs, the finding first.
        """
        other = study != self._study
        same = not other and len(pages) == len(self._pages)
        if other:
            self._keep_arrangement()
        self._study = study
        changed, self._told = told != self._told, told
        self.query_one(TextPage).show(as_content(told), from_top=other)
        if changed and same:
            self._lay_out()
        if same and all(a is b for a, b in zip(pages, self._pages, strict=True)):
            return False
        self._pages = pages
        self._number = 0 if other else min(self._number, len(pages) - 1)
        self._show_page()
        return True

    def turn_to_first(self) -> None:
        if self._number:
            self.turn(-self._number)

    def turn(self, by: int) -> None:
        """Go to the next (1) or the previous (-1) page, cyclically."""
        self._keep_arrangement()
        self._number = (self._number + by) % len(self._pages)
        self._show_page()

    def focus_page(self) -> None:
        self._focusable.focus()

    @property
    def _focusable(self) -> TextPage | TableList | BarList:
        page = self.page
        if page is None or page.kind == "text":
            return self.query_one(TextPage)
        return self.query_one(BarList) if page.kind == "bars" else self.rows

    def _keep_arrangement(self) -> None:
        page, shown = self.page, self._focusable
        if page is None:
            return
        if isinstance(shown, TableList):
            self._arranged[self._study, page.name] = shown.arrangement
        elif isinstance(shown, BarList):
            self._arranged[self._study, page.name] = Arrangement(row=shown.cursor)

    def _show_page(self) -> None:
        page = self.page
        assert page is not None
        arranged = self._arranged.get((self._study, page.name), AS_IT_COMES)
        for kind in _KINDS:
            self.set_class(kind in (page.kind, page.drawn), f"-{kind}")
        if page.figure is not None and page.drawn == "lines":
            self.query_one(Plot).show(plot_of(page.figure, self._names.mark))
        if page.figure is not None and page.drawn == "bars":
            self.query_one(BarList).show_bars(bars_of(page.figure, self._names.mark))
            self.query_one(BarList).move_cursor(arranged.row if page.kind == "bars" else 0)
        if page.table is not None:
            columns = self._names.columns(page.table)
            self.rows.show_rows(columns, Rows.of(list(page.table)), arranged)
        # Immediately, so that no row appears under the previous page's column names.
        self._fit()
        # Widgets of another kind of page have no size before their first layout.
        self.call_after_refresh(self._fit)

    def _show_title(self) -> None:
        page = self.page
        if page is None:
            return
        pages = f" {self._number + 1} of {self.count} ←→ " if self.count > 1 else ""
        title = page.title
        if page.kind == "bars" and page.figure is not None and page.figure.y_label:
            title += f", {page.figure.y_label}"
        # The width is unknown before the first layout.
        room = max(20, (self.size.width or 200) - cell_len(pages) - 1)
        lines = wrap(self._prose(title), room, max_lines=_TITLE_LINES, placeholder="…") or [""]
        shown = self.query_one("#page-title", Lines)
        shown.styles.height = len(lines)
        shown.show(*([(f" {line}", "strong")] for line in lines), right=[(pages, "dim")])

    def on_resize(self, event: Resize) -> None:
        """Show numbers next to the plot if they fit."""
        self.set_class(event.size.width < BESIDE_FROM, "-narrow")
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        self._row_height = 0
        self._show_title()
        self._lay_out()
        self._show_row()

    def _lay_out(self) -> None:
        """Share the height of an overview among the finding, the figure and the table."""
        page = self.page
        plot, bars = self.query_one(Plot), self.query_one(BarList)
        finding = self.query_one("#finding", Lines)
        if page is None or page.kind != "overview":
            plot.styles.height = bars.styles.height = "1fr"
            for each in (plot, bars):
                each.styles.clear_rule("display")
            return
        height = max(4, self.size.height - _TITLE_LINES)
        lines = as_lines(self._told, self.size.width - 2, max(5, height // 4))
        finding.styles.height = len(lines)
        finding.show(*lines)
        drawn = page.drawn if self.size.height >= DRAWN_FROM else ""
        # The table's rows, their heading and the line above it; the figure has what is left.
        needed = min(self.rows.count + 3, height // 2)
        left = height - len(lines) - needed
        plot.styles.display = "block" if drawn == "lines" else "none"
        bars.styles.display = "block" if drawn == "bars" else "none"
        plot.styles.height = max(_LOWEST, min(_HIGHEST, left))
        bars.styles.height = max(2, min(bars.count + 1, left))

    def _show_row(self) -> None:
        page, row = self.page, self.rows.cells
        lines = self.query_one("#row", Lines)
        if page is None or page.kind != "table" or page.table is None:
            # An overview has no room for it.
            lines.display = False
            return
        shown = () if self.rows.is_whole or row is None else row
        said = row_lines(
            page.table.columns,
            shown,
            page.note,
            width=self.size.width - 2,
            height=max(3, self.size.height // 3),
            prose=self._prose,
        )
        lines.display = bool(said)
        # Never shrinks, so that the table does not jump while the cursor moves.
        if len(said) > self._row_height:
            self._row_height = len(said)
            lines.styles.height = len(said)
        lines.show(*said)

    def text(self) -> str:
        """The text to copy: the page's text, the row under the cursor, or a figure's numbers."""
        page = self.page
        if page is None or page.kind in ("overview", "text"):
            return self.query_one(TextPage).plain + "\n"
        if page.kind == "table":
            return "".join(f"{name}: {cell_text(cell)}\n" for name, cell in self.row.items())
        return self.rows.text()
