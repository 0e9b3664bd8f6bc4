"""Pictures as SVG: one of them, or several in turn.

The fonts are the reader's own, and every run of text has the width of its cells, so that columns
stay aligned in any of them. Blocks and shades are drawn, since few fonts join them without a gap.
A film holds every run of text once, however many of its pictures show it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import accumulate

from rich.cells import cell_len

from tests.pictures.picture import Look, Picture, Run

# A cell, and the text's base line in it, in units of the drawing; the font's size suits the width.
_WIDTH, _HEIGHT, _BASE, _FONT = 8.4, 17, 13, 14
_FONTS = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
_EDGE = 8

_EIGHTHS = {
    # Left edge, upper edge, right edge and lower edge, in eighths of the cell.
    "▀": (0, 0, 8, 4),
    "▐": (4, 0, 8, 8),
    **{character: (0, 8 - n, 8, 8) for n, character in enumerate("▁▂▃▄▅▆▇█", 1)},
    **{character: (0, 0, n, 8) for n, character in enumerate("▏▎▍▌▋▊▉", 1)},
}
_SHADES = {"░": 0.25, "▒": 0.5, "▓": 0.75}
_DRAWN = re.compile("|".join(f"{character}+" for character in (*_EIGHTHS, *_SHADES)))
# Text is cut where it is blank, each piece at its own place.
_PIECE = re.compile(r"\S+(?: \S+)*")

# What lies below comes first.
_LAYERS = ("ground", "block", "text")
Parts = dict[str, list[str]]


def still(picture: Picture, title: str) -> str:
    """An SVG of a picture; `title` is read to those who do not see it."""
    looks = _Looks()
    parts = _parts(picture, looks)
    body = "".join("".join(parts[layer]) for layer in _LAYERS)
    return _document(picture, title, looks.rules(), body)


def film(pictures: Sequence[Picture], seconds: Sequence[float], title: str) -> str:
    """An SVG that shows pictures of one size in turn, for so many seconds each, for ever.

    Where nothing moves, as in a printout or where the reader wants no motion, it shows the last.
    """
    looks = _Looks()
    shown: dict[tuple[str, str], list[int]] = {}
    for number, picture in enumerate(pictures):
        for layer, several in _parts(picture, looks).items():
            for part in several:
                shown.setdefault((layer, part), []).append(number)
    groups: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for (layer, part), numbers in shown.items():
        groups.setdefault((layer, tuple(numbers)), []).append(part)
    times = {numbers: f"t{n}" for n, numbers in enumerate(sorted({key[1] for key in groups}))}
    body = "".join(
        f'<g class="{times[numbers]}">{"".join(parts)}</g>'
        for (_, numbers), parts in sorted(groups.items(), key=lambda each: _order(each[0]))
    )
    ends = list(accumulate(seconds, initial=0.0))
    rules = [_timing(name, numbers, ends) for numbers, name in times.items()]
    return _document(pictures[0], title, looks.rules() + "".join(rules), body)


def _order(key: tuple[str, tuple[int, ...]]) -> tuple[int, tuple[int, ...]]:
    return _LAYERS.index(key[0]), key[1]


def _timing(name: str, numbers: tuple[int, ...], ends: Sequence[float]) -> str:
    """When the parts of these pictures are to be seen; `ends` begins with 0."""
    *starts, end = ends
    states = [int(number in numbers) for number in range(len(starts))]
    if all(states):
        return ""
    frames = "".join(
        f"{100 * start / end:.4g}%{{opacity:{state}}}"
        for start, state, before in zip(starts, states, [None, *states], strict=False)
        if state != before
    )
    return (
        f".{name}{{opacity:{states[-1]}}}@keyframes {name}{{{frames}}}"
        "@media(prefers-reduced-motion:no-preference)"
        f"{{.{name}{{animation:{name} {end:g}s step-end infinite}}}}"
    )


def _document(picture: Picture, title: str, rules: str, body: str) -> str:
    columns, lines = picture.size
    width, height = columns * _WIDTH + 2 * _EDGE, lines * _HEIGHT + 2 * _EDGE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">'
        f"<title>{escape(title)}</title>"
        f"<style>text{{font:{_FONT}px {_FONTS};white-space:pre}}{rules}</style>"
        f'<rect width="100%" height="100%" rx="6" fill="{picture.ground}"/>'
        f'<g transform="translate({_EDGE},{_EDGE})" shape-rendering="crispEdges">{body}</g></svg>\n'
    )


def _parts(picture: Picture, looks: _Looks) -> Parts:
    """The elements of a picture by the layer that they belong to."""
    parts: Parts = {layer: [] for layer in _LAYERS}
    for line, row in enumerate(picture.rows):
        for run in row:
            if run.look.ground != picture.ground:
                box = (run.column, line, run.column + run.width, line + 1.0)
                parts["ground"].append(_box(*box, run.look.ground))
            for layer, part in _drawn(run, line, looks):
                parts[layer].append(part)
    return parts


def _drawn(run: Run, line: int, looks: _Looks) -> Iterator[tuple[str, str]]:
    """What stands on a run's ground: blocks and shades as boxes, all else as text."""
    for found in _DRAWN.finditer(run.text):
        column = run.column + cell_len(run.text[: found.start()])
        character, count = found[0][0], len(found[0])
        left, top, right, bottom = (each / 8 for each in _EIGHTHS.get(character, (0, 0, 8, 8)))
        # Those as wide as a cell join.
        across = [(column, column + count)]
        if right - left < 1:
            across = [(column + n + left, column + n + right) for n in range(count)]
        for x0, x1 in across:
            opacity = _SHADES.get(character, 1.0)
            box = _box(x0, line + top, x1, line + bottom, run.look.colour, opacity)
            yield "block", box
    text = _DRAWN.sub(lambda found: " " * len(found[0]), run.text)
    for piece in _PIECE.finditer(text):
        words = piece[0]
        x = (run.column + cell_len(text[: piece.start()])) * _WIDTH
        place = f'x="{x:.5g}" y="{line * _HEIGHT + _BASE}"'
        width = f'textLength="{cell_len(words) * _WIDTH:.4g}"'
        shown = escape(words, quote=False)
        yield "text", f'<text class="{looks.name(run.look)}" {place} {width}>{shown}</text>'


def _box(
    left: float, top: float, right: float, bottom: float, colour: str, opacity: float = 1.0
) -> str:
    x, y, width = left * _WIDTH, top * _HEIGHT, (right - left) * _WIDTH
    place = f'x="{x:.5g}" y="{y:.5g}" width="{width:.5g}" height="{(bottom - top) * _HEIGHT:.4g}"'
    faint = f' opacity="{opacity:g}"' if opacity < 1 else ""
    return f'<rect {place} fill="{colour}"{faint}/>'


class _Looks:
    """Names for the looks of text, a CSS class each."""

    def __init__(self) -> None:
        self._names: dict[tuple[object, ...], str] = {}

    def name(self, look: Look) -> str:
        """The class of a look; its ground is drawn, not written."""
        key = look._replace(ground="")
        return self._names.setdefault(key, f"l{len(self._names)}")

    def rules(self) -> str:
        """All classes so far."""
        return "".join(f".{name}{{{_css(*look)}}}" for look, name in self._names.items())


def _css(colour: str, _: str, bold: bool, italic: bool, underline: bool, strike: bool) -> str:
    lines = " ".join(
        word for word, on in (("underline", underline), ("line-through", strike)) if on
    )
    said = {
        "fill": colour,
        "font-weight": "bold" if bold else "",
        "font-style": "italic" if italic else "",
        "text-decoration": lines,
    }
    return ";".join(f"{name}:{value}" for name, value in said.items() if value)
