"""Exact values in words: the status lines of the Saliency view."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from app.terminal_text import fit, pad, prose, visible
from app.views.comparison import Comparison, Reading
from app.views.model_names import short_names
from app.widgets.lines import Line, width_of

_WIDE = 100
"""From this width on names and tokens are shown longer and ranks in words."""


def ordinal(number: int) -> str:
    """A number as 1st, 2nd, 3rd, 4th and so on."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def status_lines(
    names: Sequence[str],
    comparison: Comparison,
    row: int,
    columns: Sequence[int],
    *,
    width: int,
    ascii_only: bool = False,
) -> list[Line]:
    """One line of values a model, one of instruction scores.

    Args:
        names: The two models' names, as given; empty for a side that does not exist.
        comparison: The maps.
        row: The row under the cursor.
        columns: The column under each side's cursor.
        width: Cells of a line.
        ascii_only: Plain ASCII.
    """
    short = [prose(name, ascii_only=ascii_only) for name in short_names(names[0], names[1])]
    sides = [side for side in (0, 1) if names[side]]
    name_cells = max((min(_name_cells(width), cell_len(short[side])) for side in sides), default=0)
    readings = {side: comparison.read(side, row, columns[side]) for side in sides}
    pairs = {
        side: _pair(reading, 24 if width >= _WIDE else 10, ascii_only)
        for side, reading in readings.items()
        if reading is not None
    }
    pair_cells = max((cell_len(pair) for pair in pairs.values()), default=0)
    lines: list[Line] = []
    for side in sides:
        title = (f"{pad(short[side], name_cells)} ", "strong")
        reading = readings[side]
        if reading is None:
            absent = "no map" if comparison.maps[side] is None else "no such token here"
            lines.append([title, (absent, "dim")])
        else:
            lines.append([title, (pad(pairs[side], pair_cells), ""), _values(reading, width)])
    return [*lines, _scores(short, comparison, width)]


def _pair(reading: Reading, token_cells: int, ascii_only: bool) -> str:
    """Prompt token → response token, with the latter's place in the response."""
    arrow = "->" if ascii_only else "→"

    def token(text: str) -> str:
        return f'"{fit(visible(text, ascii_only=ascii_only), token_cells)}"'

    if reading.response_token is None:
        return f"{token(reading.prompt_token)} {arrow} nothing: the response is empty"
    place = ordinal(reading.column + 1)
    return f"{token(reading.prompt_token)} {arrow} {token(reading.response_token)} ({place})"


def _values(reading: Reading, width: int) -> tuple[str, str]:
    if reading.response_token is None:
        return "", ""
    if reading.score is None:
        return "  not computed yet", "dim"
    parts = [] if reading.importance is None else [f"I {reading.importance:+.4g}"]
    rank = f"{ordinal(reading.rank)} of {reading.rows}"
    if width < _WIDE:
        rank = f"{reading.rank}/{reading.rows}"
    parts += [f"S {reading.score}", f"density {reading.density:.2f} ({rank})"]
    return "  " + "  ".join(parts), "accent"


def _scores(names: Sequence[str], comparison: Comparison, width: int) -> Line:
    """Instruction scores, their difference, and how many tokens are marked, if there is room."""
    parts: list[tuple[str, str]] = [("instruction score  ", "dim")]
    scores = [comparison.instruction_score(side) for side in (0, 1)]
    for name, score in zip(names, scores, strict=True):
        if name:
            value = "–" if score is None else f"{score:.4f}"
            parts.extend([(f"{fit(name, _name_cells(width))} ", ""), (f"{value}  ", "accent")])
    base, tuned = scores
    if base is not None and tuned is not None:
        parts.extend([("difference ", ""), (f"{tuned - base:+.4f}  ", "accent")])
    count = comparison.marked_tokens()
    tail = (f"{count} instruction token{'' if count == 1 else 's'}", "dim")
    return [*parts, tail] if width_of([*parts, tail]) <= width else parts


def _name_cells(width: int) -> int:
    return 24 if width >= _WIDE else 10


def plain(line: Line) -> str:
    """A line without styles."""
    return "".join(text for text, _ in line).rstrip()
