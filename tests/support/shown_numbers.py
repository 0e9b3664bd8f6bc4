"""What the numbers on a screen say, as cells of exported rows, and whether an export has them.

A reader turns a stretch of the screen into a `Said`: columns and what is shown of them, numbers and
names together. An export has it if one of its rows has all of it, so that a number is looked up
where the token, head, neuron or layer beside it stands, not anywhere in the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.terminal.text import visible

N = r"[+−-]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?"
"""A number, wherever it stands."""

ALONE = re.compile(rf"(?<![\w.‖]){N}(?:(?=st\b|nd\b|rd\b|th\b)|(?!\w))")
"""A number that is no part of a word."""

Rows = Sequence[Mapping[str, str]]
Exports = Mapping[str, Rows]
"""Rows by column, by the kind of their file."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Said:
    """A statement of the screen.

    Attributes:
        kind: Of the export.
        shown: What is shown of each column; of a column's name, what follows ``__`` says how.
        spans: Where in the screen's text each of them stands; what is known otherwise has none. A
            number that is only here is not looked up.
        rows: If set, the number in ``n`` is that of the different values of these columns among
            the rows that have the rest; without columns, of the rows.
        total: If set, the number in ``n`` is the sum of this column over the rows.
    """

    kind: str
    shown: dict[str, str]
    spans: dict[str, Span] = field(default_factory=dict)
    rows: tuple[str, ...] | None = None
    total: str = ""

    def holds(self, exports: Exports) -> bool:
        """Whether the export says it too."""
        where = {name: text for name, text in self.shown.items() if name != "n"}
        found = (row for row in exports.get(self.kind, ()) if _has(row, where))
        if self.total:
            return sum(float(row[self.total] or 0) for row in found) == number(self.shown["n"])
        if self.rows is None:
            return any(True for _ in found)
        distinct = {tuple(row.get(each) for each in self.rows or row) for row in found}
        return len(distinct) == number(self.shown["n"])

    def moved(self) -> Iterator[Said]:
        """The same with one number off by a few units of its last digit, for every number."""
        for place, name in enumerate(self.spans):
            before, space, text = self.shown.get(name, "").rpartition(" ")
            if re.fullmatch(N, text):
                moved = before + space + _off(text, (1, 2, 3)[place % 3])
                yield replace(self, shown={**self.shown, name: moved}, spans={})


def number(text: str) -> float:
    """The value of a number as it is shown."""
    return float(text.replace(",", "").replace("−", "-"))


def _unit(text: str) -> float:
    """What one unit of the last digit shown is worth."""
    digits, _, exponent = text.partition("e")
    return 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))


def _off(text: str, by: int) -> str:
    digits, mark, exponent = text.replace(",", "").replace("−", "-").partition("e")
    decimals = len(digits.partition(".")[2])
    sign = "+" if digits.startswith("+") else ""
    return f"{float(digits) + by * 10.0**-decimals:{sign}.{decimals}f}{mark}{exponent}"


def _rounds_to(value: float, text: str) -> bool:
    return abs(value - number(text)) <= _unit(text) * 0.5 + 1e-9 * abs(value)


_SCALES: dict[str, Callable[[float], float]] = {
    "": lambda value: value,
    "pct": lambda value: 100 * value,
    "n1": lambda value: value + 1,
    "abs": abs,
}


def _has(row: Mapping[str, str], shown: Mapping[str, str]) -> bool:
    return all(_cell(row, name, text) for name, text in shown.items())


def _cell(row: Mapping[str, str], name: str, text: str) -> bool:
    column, _, how = name.partition("__")
    if how.startswith("or_"):
        return any(_cell(row, each, text) for each in (column, how.removeprefix("or_")))
    cell = row.get(column)
    if cell is None:
        return False
    if text == "*":
        return bool(cell)
    if how == "narrower":
        return bool(cell) and min(map(int, cell.split("×"))) == number(text)
    if how in ("first", "last"):
        return _rounds_to(abs(float(cell.split()[0 if how == "first" else -1])), text)
    if how.startswith("of_"):
        word, shown = text.split(" ")
        words, values = row[how.removeprefix("of_")].split(), cell.split()
        return word in words and _rounds_to(abs(float(values[words.index(word)])), shown)
    if re.fullmatch(N, text) and re.fullmatch(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", cell):
        return _rounds_to(_SCALES[how](float(cell)), text)
    plain = "" if text in ("–", "outside") else text.replace("–", "-")
    return plain in (cell, visible(cell), cell.replace("\n", " "))


@dataclass(frozen=True)
class Reader:
    """Reads what a pattern's named groups show of a row, wherever the pattern matches.

    Attributes:
        kind: Of the export.
        pattern: Of a line; ``^`` and ``$`` are its ends. ``N`` stands for a number.
        around: A pattern whose groups are of the row too, such as the head that the screen is
            about; it is looked for in the whole screen.
        known: Cells that the screen does not have to name.
        rows: As of `Said`.
        total: As of `Said`.
        rename: Columns that are no names of groups.
    """

    kind: str
    pattern: str
    around: str = ""
    known: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[str, ...] | None = None
    total: str = ""
    rename: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, screen: str) -> Iterator[Said]:
        about = _compiled(self.around).search(screen) if self.around else None
        given = {**self.known, **(about.groupdict() if about else {})}
        for match in _compiled(self.pattern).finditer(screen):
            found = {name: text for name, text in match.groupdict().items() if text is not None}
            spans = {self.rename.get(name, name): match.span(name) for name in found}
            shown = {self.rename.get(name, name): text for name, text in found.items()}
            yield Said(self.kind, {**given, **shown}, spans, self.rows, self.total)


def _compiled(pattern: str) -> re.Pattern[str]:
    # A word of one letter, so that names of columns are left alone.
    return re.compile(re.sub(r"\bN\b", lambda _: N, pattern), re.MULTILINE)


@dataclass(frozen=True)
class Grid:
    """Reads a map: a line of columns, then a line a row with a number in some columns.

    Attributes:
        kind: Of the export.
        header: A pattern of the line of columns; its group ``names`` begins where they do.
        row: A pattern of a row; its groups but ``cells`` are of the row, ``cells`` has the numbers.
        columns: Cells by column, in their order.
        value: The column of the number, also by column if it is not the same in all.
        pane: 0 for the left pane of a screen in two halves, 1 for the right one.
        known: As of `Reader`.
        counted: A column that counts the rows from a number on; names of rows may be equal.
        spaced: Whether two spaces part the names, which numbers end below; else one, and numbers
            begin below.
    """

    kind: str
    header: str
    row: str
    columns: Sequence[Mapping[str, str]]
    value: str
    known: Mapping[str, str] = field(default_factory=dict)
    pane: int | None = None
    counted: tuple[str, int] | None = None
    spaced: bool = True

    def __call__(self, screen: str) -> Iterator[Said]:
        places: list[int] | None = None
        offset, above = 0, 0
        for line in screen.split("\n"):
            text, shift = self._half(line)
            if places is None:
                head = re.search(self.header, text)
                if head is not None:
                    names = r"[^\s│]+(?: [^\s│]+)*" if self.spaced else r"[^\s│]+"
                    found = re.compile(names).finditer(text, head.start("names"))
                    places = [m.end() if self.spaced else m.start() + 1 for m in found]
            elif (row := re.search(self.row, text)) is not None:
                yield from self._cells(row, places, offset + shift, above)
                above += 1
            offset += len(line) + 1

    def _half(self, line: str) -> tuple[str, int]:
        if self.pane is None:
            return line, 0
        middle = line.find("││")
        if middle < 0:
            return "", 0
        return (line[: middle + 1], 0) if self.pane == 0 else (line[middle + 1 :], middle + 1)

    def _cells(
        self, row: re.Match[str], places: list[int], offset: int, above: int
    ) -> Iterator[Said]:
        of_row = {name: text or "" for name, text in row.groupdict().items() if name != "cells"}
        spans = {
            name: (row.start(name) + offset, row.end(name) + offset)
            for name, text in of_row.items()
            if text
        }
        if self.counted is not None:
            of_row[self.counted[0]] = str(above + self.counted[1])
        for match in ALONE.finditer(row.string, *row.span("cells")):
            at = match.end() if self.spaced else (match.start() + match.end()) / 2
            nearest = min(range(len(places)), key=lambda n: abs(places[n] - at))
            column = dict(self.columns[nearest])
            value = column.pop("value", self.value)
            span = match.start() + offset, match.end() + offset
            shown = {**self.known, **of_row, **column, value: match.group()}
            yield Said(self.kind, shown, {**spans, value: span})


@dataclass(frozen=True)
class Listed:
    """Reads a list with the export's columns above it: every cell stands below its column.

    `first` is the first of the columns.
    """

    kind: str
    first: str

    def __call__(self, screen: str) -> Iterator[Said]:
        heads: list[tuple[str, int, int]] | None = None
        offset = begin = 0
        for line in screen.split("\n"):
            found = re.compile(r"[^\s▁▂▃▄▅▆▇█]+(?: \S+)*").finditer(line, begin)
            # A model's mark before its name, or before that of its column, is in no export.
            cells = [(re.sub("^[○●] ", "", match.group()), *match.span()) for match in found]
            if heads is not None and min(2, len(heads)) <= len(cells) <= len(heads):
                shown, spans = {}, {}
                for text, start, end in cells:
                    name = max(heads, key=lambda h: min(h[2], end) - max(h[1], start))[0]
                    shown[name] = text
                    spans[name] = (offset + start, offset + end)
                yield Said(self.kind, shown, spans)
            elif heads is not None:
                return
            elif self.first in (names := [text.lstrip("│ ") for text, *_ in cells]):
                heads = cells[names.index(self.first) :]
                begin = heads[0][2] - len(self.first)
                heads[0] = (self.first, begin, heads[0][2])
            offset += len(line) + 1


@dataclass(frozen=True)
class Written:
    """Reads numbers that stand in an export that is text; `Said` of one line that has it."""

    kind: str
    pattern: str

    def __call__(self, screen: str) -> Iterator[Said]:
        for line in _compiled(self.pattern).finditer(screen):
            for match in ALONE.finditer(screen, *line.span()):
                yield Said(self.kind, {"text": match.group()}, {"text": match.span()})


AnyReader = Callable[[str], Iterator[Said]]
