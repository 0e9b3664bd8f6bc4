"""Exact values in words: the status lines of the Saliency view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from analysis.saliency.agreement import Agreement
from app.terminal.model_marks import marked
from app.terminal.text import fit, pad, prose, visible
from app.views.saliency.comparison import Comparison, Reading
from app.widgets.lines import Line, width_of
from app.workspace import short_names

_WIDE = 100
"""From this width on, names and tokens are longer and ranks are in words."""


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th and so on."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def status_lines(
    names: Sequence[str],
    comparison: Comparison,
    row: int,
    columns: Sequence[int],
    *,
    agreements: Sequence[Agreement | None] = (None, None),
    compared: str = "gradient",
    faithful: Sequence[str] = ("", ""),
    can_share: bool = False,
    active: int = 0,
    width: int,
    ascii_only: bool = False,
) -> list[Line]:
    """One line of values per model, one of instruction scores, and one of agreements if any.

    `agreements` are each side's, of what is `compared` and occlusion; `faithful` says what is known
    of them while there are none. `can_share` says whether both models can be explained on one
    response. If there is room for only one side, that of `active` is shown. An
    empty name stands for a missing side.
    """
    short = [
        marked(side, prose(name, ascii_only=ascii_only), ascii_only=ascii_only)
        for side, name in enumerate(short_names(names[0], names[1]))
    ]
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
    lines.append(_scores(short, comparison, width, can_share=can_share))
    titled = [(f"{fit(name, _name_cells(width))} ", "") for name in short]
    whole = _agreements(agreements, columns, ascii_only=ascii_only)
    known = {side: faithful[side] for side in sides if faithful[side]}
    about = f"{compared}/occlusion  "
    agreement = _one_or_both(about, titled, whole or known, active=active, width=width)
    return [*lines, agreement] if agreement else lines


def _pair(reading: Reading, token_cells: int, ascii_only: bool) -> str:
    """Prompt token → response token, with the latter's position in the response."""
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
    total = [] if reading.total is None or reading.compared else [f"total {reading.total:+.4g}"]
    if reading.score is None or (reading.compared and reading.subtracted is None):
        return "  " + "  ".join([*total, "not computed yet"]), "accent" if total else "dim"
    if reading.subtracted is not None:
        difference = reading.score - reading.subtracted
        parts = [f"difference {difference:+}" if difference else "no difference"]
        parts += [f"gradient {reading.score}", f"occlusion {reading.subtracted}"]
    else:
        parts = [] if reading.importance is None else [f"I {reading.importance:+.4g}"]
        parts.append(f"S {reading.score}")
    if reading.provisional:
        parts.append("provisional")
    elif reading.density is not None and not reading.compared:
        rank = f"{ordinal(reading.rank)} of {reading.rows}"
        if width < _WIDE:
            rank = f"{reading.rank}/{reading.rows}"
        parts.append(f"density {reading.density:.2f} ({rank})")
    if width >= _WIDE:
        parts += total
    return "  " + "  ".join(parts), "accent"


def _scores(names: Sequence[str], comparison: Comparison, width: int, *, can_share: bool) -> Line:
    """Instruction scores and, if they fit, their difference and the number of marked tokens.

    The scores of different answers have no difference; then it is said what compares them.
    """
    parts: list[tuple[str, str]] = [("instruction score  ", "dim")]
    base, tuned = scores = [comparison.instruction_score(side) for side in (0, 1)]
    apart = base is not None and tuned is not None and not comparison.same_response
    # The marks alone tell the models where the words need the room.
    name_cells = _name_cells(width) if width >= _WIDE or not apart else 1
    for name, score in zip(names, scores, strict=True):
        if name:
            value = "–" if score is None else f"{score:.4f}"
            shown = name[:1] if name_cells == 1 else fit(name, name_cells)
            parts.extend([(f"{shown} ", ""), (f"{value}  ", "accent")])
    if apart:
        remedy = "; o compares on one" if can_share else ""
        parts.append((f"different answers{remedy}  ", ""))
    elif base is not None and tuned is not None:
        parts.extend([("difference ", ""), (f"{tuned - base:+.4f}  ", "accent")])
    count = comparison.marked_tokens()
    tail = (f"{count} instruction token{'' if count == 1 else 's'}", "dim")
    return [*parts, tail] if width_of([*parts, tail]) <= width else parts


def _agreements(
    agreements: Sequence[Agreement | None], columns: Sequence[int], *, ascii_only: bool
) -> dict[int, str]:
    """How well a method and occlusion agree, by side, where both are there."""
    return {
        side: _agreement(agreement, columns[side], ascii_only=ascii_only)
        for side, agreement in enumerate(agreements)
        if agreement is not None and columns[side] < len(agreement.first.response_tokens)
    }


def _one_or_both(
    title: str,
    names: Sequence[tuple[str, str]],
    words: Mapping[int, str],
    *,
    active: int,
    width: int,
) -> Line:
    """Words by side, of both sides if there is room; may be empty."""
    parts = {side: [names[side], (f"{text}  ", "accent")] for side, text in words.items()}
    line = [(title, "dim"), *(part for side in sorted(parts) for part in parts[side])]
    if not parts or width_of(line) <= width:
        return line if parts else []
    return [(title, "dim"), *parts.get(active, parts[min(parts)])]


def _agreement(agreement: Agreement, column: int, *, ascii_only: bool) -> str:
    """Pearson's and Spearman's coefficients of a column and of the whole map."""
    rho, dash = ("rho", "-") if ascii_only else ("ρ", "–")

    def pair(pearson: float | None, spearman: float | None) -> str:
        r, s = (dash if each is None else f"{each:.2f}" for each in (pearson, spearman))
        return f"r {r} {rho} {s}"

    here = pair(agreement.pearson(column), agreement.spearman(column))
    return f"column {here}  all {pair(*agreement.overall)}"


def _name_cells(width: int) -> int:
    return 24 if width >= _WIDE else 10


def plain(line: Line) -> str:
    return "".join(text for text, _ in line).rstrip()
