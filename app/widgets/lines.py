"""Lines of styled text, left- and right-aligned: header, key line, status and progress lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

Part = tuple[str, str]
"""Visible text and its style name: "", "dim", "strong", "accent", "warn" or "bad"."""
Line = Sequence[Part]

STYLES = ("dim", "strong", "accent", "warn", "bad")


def width_of(line: Line) -> int:
    """Width of a line in terminal cells."""
    return sum(cell_len(text) for text, _ in line)


class Lines(Widget):
    """A fixed number of lines; the left part is cut to fit, with "…", and the right end stays.

    Text must already be harmless (`terminal.text.visible` or `prose`).
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"lines--{name}" for name in STYLES}
    DEFAULT_CSS = """
    Lines { height: 1; width: 1fr; }
    Lines .lines--dim { color: $text-muted; }
    Lines .lines--strong { text-style: bold; }
    Lines .lines--accent { color: $text-accent; }
    Lines .lines--warn { color: $text-warning; }
    Lines .lines--bad { color: $text-error; text-style: bold; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._lines: tuple[tuple[Line, Line], ...] = ()
        # Cached, because deriving styles from all ancestors takes a third of drawing at every key.
        self._styles: dict[str, Style] = {}

    def show(self, *lines: Line, right: Line = ()) -> None:
        """Show these lines; `right` ends the first one. Repaints only changes."""
        new = tuple(
            (tuple(line), tuple(right) if number == 0 else ())
            for number, line in enumerate(lines or ((),))
        )
        old, self._lines = self._lines, new
        if len(old) != len(new):
            self.refresh()
            return
        for y, (before, after) in enumerate(zip(old, new, strict=True)):
            if before[1] or after[1]:
                if before != after:
                    self.refresh(Region(0, y, self.size.width, 1))
            elif before != after:
                self._refresh_difference(y, before[0], after[0])

    def _refresh_difference(self, y: int, before: Line, after: Line) -> None:
        """Repaint a line from the first to the last changed cell."""
        old, new = _cells(before), _cells(after)
        start = next((x for x, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), None)
        if start is None:
            start = min(len(old), len(new))
        end = max(len(old), len(new))
        if end > self.size.width:
            # Where the "…" stands, or stood.
            start = min(start, max(0, self.size.width - 1))
        if len(old) == len(new):
            while end > start and old[end - 1] == new[end - 1]:
                end -= 1
        self.refresh(Region(start, y, end - start, 1))

    @property
    def plain(self) -> str:
        return "\n".join(
            "".join(text for text, _ in (*left, *right)) for left, right in self._lines
        )

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self._style("")
        if y >= len(self._lines):
            return Strip.blank(width, base)
        left, right = self._lines[y]
        strip = Strip([Segment(text, self._style(name)) for text, name in left])
        if not right:
            return _cut(strip, width, base)
        end = Strip([Segment(text, self._style(name)) for text, name in right])
        room = max(0, width - end.cell_length)
        return Strip([*_cut(strip, room, base), *end]).adjust_cell_length(width, base)

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self.rich_style
            if name:
                style += text_style(self, f"lines--{name}")
            self._styles[name] = style
        return style

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()


def _cut(strip: Strip, width: int, base: Style) -> Strip:
    """A strip of that width, with an ellipsis where it was longer."""
    if strip.cell_length <= width or width < 1:
        return strip.adjust_cell_length(width, base)
    kept = strip.crop(0, width - 1).adjust_cell_length(width - 1, base)
    return Strip([*kept, Segment("…", kept._segments[-1].style if width > 1 else base)])


def _cells(line: Line) -> list[tuple[str, str, int]]:
    """Each cell of a line: a character with its marks, its style, and which half if wide."""
    cells: list[tuple[str, str, int]] = []
    for text, style in line:
        for character in text:
            width = 1 if character.isascii() else cell_len(character)
            if width == 1:
                cells.append((character, style, 0))
            elif width:
                cells += ((character, style, half) for half in range(width))
            elif cells:
                cells[-1] = (cells[-1][0] + character, *cells[-1][1:])
    return cells


def text_style(widget: Widget, name: str) -> Style:
    """What a component adds to the widget's style.

    A muted colour, or a ground that is but a little lighter, is relative to the background, which
    Textual's partial style leaves out: it would be plain white or black. Its whole style knows.
    """
    own = widget.get_component_rich_style(name, partial=True)
    if own.color is None and own.bgcolor is None:
        return own
    whole = widget.get_component_rich_style(name)
    return own + Style(
        color=None if own.color is None else whole.color,
        bgcolor=None if own.bgcolor is None else whole.bgcolor,
    )
