"""Lines that may use the colours of the scales: a legend, bars of shares, signed changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style

from app.terminal.colours import MISSING_GLYPH, palette_of
from app.terminal.text import pad
from app.widgets.bar_list import drawn
from app.widgets.lines import Line, Lines, Part
from app.widgets.scale import scale_line, scale_style, signed_line
from app.widgets.token_face import MARK, TEMPLATE

_NUMBER = len("-0.00")
_GAP = 2
_WIDEST_WORD, _NARROWEST_BAR, _WIDEST_BAR = 24, 3, 40


class ScaledLines(Lines):
    """Lines with the styles of `scale_style`, too."""

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None and (own := scale_style(self.app, name)) is not None:
            style = self._styles[name] = self.rich_style + own
        return super()._style(name) if style is None else style

    def show_legend(
        self, *, signed: bool, special: bool, missing: bool, right: str, ascii_only: bool
    ) -> None:
        """Say what colours and marks mean; `right` is what else there is to know.

        Args:
            signed: Whether colours say what weighs for and against the answer.
            special: Whether tokens that the user did not write are shown.
            missing: Whether anything is not computed yet.
            right: Harmless text.
            ascii_only: Write the sign that stands for a colour in ASCII.
        """
        palette = palette_of(self.app)
        line = (
            signed_line(palette, brief=missing, ascii_only=ascii_only)
            if signed
            else scale_line(palette, " low", "high")
        )
        marks = [(MARK, "mark", "instruction", True), (TEMPLATE, "mark", "template", special)]
        marks.append((MISSING_GLYPH, "dim", "not computed yet", missing))
        for glyph, style, words, there in marks:
            if there:
                line += [("   ", ""), (glyph, style), (f" {words}", "dim")]
        self.show(line, right=[(f"{right} ", "dim")] if right else [])

    def show_scale(self, words: str) -> None:
        """Say what the lightness of a map means, in harmless words."""
        scale = scale_line(palette_of(self.app), " low", "high")
        self.show([*scale, (f"  {words}", "dim")])


@dataclass(frozen=True)
class WordRow:
    """A word with its share in each model and the change, None where unknown; text is harmless."""

    word: str
    marked: bool
    here: bool
    shares: Sequence[float | None]
    change: float | None


class WordBars(ScaledLines):
    """A heading, then a line a word: a bar and a number a model, and the signed change."""

    def show_words(
        self, heads: Sequence[str], rows: Sequence[WordRow], *, width: int, ascii_only: bool
    ) -> None:
        """Show words.

        Args:
            heads: Of the words, then of each model's column, then of the change, if there is one.
            rows: The words.
            width: Cells of a line; the widget learns its own only once it was shown.
            ascii_only: Draw bars in ASCII.
        """
        columns = len(heads) - 1
        named = max([cell_len(heads[0]), *(cell_len(row.word) for row in rows)])
        word = min(named, _WIDEST_WORD, max(8, width // 4))
        rest = width - len(MARK) - word - columns * _GAP - 1
        bar = min(_WIDEST_BAR, rest // max(1, columns) - _NUMBER - 1)
        if bar < _NARROWEST_BAR:
            bar = 0
        wide = _NUMBER + 1 + bar
        shares = [share for row in rows for share in row.shares if share is not None]
        changes = [abs(row.change) for row in rows if row.change is not None]
        lowest, highest = min([0.0, *shares]), max([0.0, *shares])
        largest = max([0.0, *changes])
        head = "".join(" " * _GAP + pad(each, wide) for each in heads[1:])
        lines: list[Line] = [[(f"{' ' * len(MARK)}{pad(heads[0], word)}{head}", "dim")]]
        for row in rows:
            line: list[Part] = [
                (MARK if row.marked else " ", "mark"),
                (pad(row.word, word), "strong" if row.here else ""),
            ]
            for share in row.shares:
                found = 0.0 if share is None else share
                text = drawn(found, lowest, highest, bar, ascii_only=ascii_only) if bar else ""
                line += [(" " * _GAP + _number(share, "") + " ", "accent"), (pad(text, bar), "")]
            if columns > len(row.shares):
                line += _change(row.change, largest, bar, ascii_only=ascii_only)
            lines.append(line)
        self.show(*lines)


def _number(value: float | None, sign: str) -> str:
    return f"{'–' if value is None else f'{value:{sign}.2f}':>{_NUMBER}}"


def _change(value: float | None, largest: float, bar: int, *, ascii_only: bool) -> list[Part]:
    """A change's number, and its bar to the left or the right of the middle."""
    found = 0.0 if value is None else value
    step = round(2 * found / largest) if largest else 0
    text = drawn(found, -largest, largest, bar, ascii_only=ascii_only) if bar and largest else ""
    style = f"signed {step}"
    return [(" " * _GAP + _number(value, "+") + " ", style), (pad(text, bar), style)]
