"""A list of bars, one per line, with the number next to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from app.terminal.text import pad
from app.widgets.item_list import ItemList
from app.widgets.lines import Line

_EIGHTHS = " ▏▎▍▌▋▊▉"
_WIDEST_NAME = 40


@dataclass(frozen=True)
class Bar:
    """A bar of a length, None for no bar; `spread` is a standard deviation; texts are harmless."""

    group: str
    name: str
    value: float | None
    spread: float | None = None

    @property
    def number(self) -> str:
        """The value as text: ``0.5123 ± 0.01``."""
        if self.value is None:
            return "–"
        return f"{self.value:.4g}" + ("" if self.spread is None else f" ± {self.spread:.2g}")


class BarList(ItemList):
    """Bars from zero; negative ones extend to the left."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(self._line, empty=" nothing to draw", id=id)
        self._ascii = ascii_only
        self._bars: Sequence[Bar] = ()

    def show_bars(self, bars: Sequence[Bar]) -> None:
        self._bars = bars
        self.show(len(bars))

    def _line(self, index: int, width: int) -> Line:
        bar = self._bars[index]
        group, name, number = (
            min(_WIDEST_NAME, max(cell_len(text) for text in texts))
            for texts in zip(*((b.group, b.name, b.number) for b in self._bars), strict=True)
        )
        begins = index == 0 or self._bars[index - 1].group != bar.group
        parts = [
            (f" {pad(bar.group, group)} ", "" if begins else "dim"),
            (f" {pad(bar.name, name)} ", "dim"),
            (f" {pad(bar.number, number)} ", "accent"),
        ]
        room = width - sum(cell_len(text) for text, _ in parts) - 1
        if bar.value is None or room < 4:
            return parts
        values = [b.value for b in self._bars if b.value is not None]
        lowest, highest = min(0.0, *values), max(0.0, *values)
        return [*parts, (drawn(bar.value, lowest, highest, room, ascii_only=self._ascii), "")]


def drawn(value: float, lowest: float, highest: float, room: int, *, ascii_only: bool) -> str:
    """A bar in `room` cells, which span `lowest` (0 or less) to `highest` (0 or more)."""
    cells = room / ((highest - lowest) or 1.0)
    zero = round(-lowest * cells)
    if value < 0:
        full = min(zero, round(-value * cells))
        return " " * (zero - full) + ("#" if ascii_only else "█") * full
    eighths = min(8 * (room - zero), round(8 * value * cells))
    if ascii_only:
        return " " * zero + "#" * round(eighths / 8)
    rest = _EIGHTHS[eighths % 8].strip()
    return " " * zero + "█" * (eighths // 8) + rest
