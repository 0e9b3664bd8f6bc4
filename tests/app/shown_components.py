"""What the Neurons view shows, as cells of what it exports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from tests.app.components_screen import CATEGORIES
from tests.support.shown_numbers import AnyReader, Grid, Reader, Said

THRESHOLDS: list[AnyReader] = [
    Reader("components-summary", r"^ (?P<units>\w+) · ε(?:_e)? (?P<epsilon>N) · τ (?P<tau>N)"),
    Reader(
        "components-summary",
        r"^ (?P<units>\w+) · .* (?P<n>N) instructions \(",
        known={"summary": "size", "model": "demo-base"},
        total="instructions",
    ),
]
_SUMMARY = {"units": "neurons"}


def _maps(
    summary: str, row: str, columns: list[dict[str, str]], value: str, units: str = "neurons"
) -> list[AnyReader]:
    known = {"units": units, "summary": summary}
    return [
        Grid(
            "components-summary",
            r"^│ {9,}(?P<names>\w)",
            row,
            columns,
            value,
            {**known, "model": model},
            pane,
        )
        for pane, model in enumerate(("demo-base", "demo-tuned"))
    ]


_KEPT = r"kept\s+(?P<kept>N),\s+lost\s+(?P<lost>N),\s+gained\s+(?P<gained>N)"


def headline(units: str = "neurons") -> list[AnyReader]:
    """The sentence above the maps."""
    known = {"units": units, "layer": ""}
    return [
        Reader(
            "components-summary",
            rf"for (?P<category>[a-z ]+) (?:most|least)\s+\({_KEPT}\)",
            known={**known, "summary": "alteration"},
        ),
        *(
            Reader(
                "components-summary",
                rf"every\s+category:\s+(?:\d+\s+before,\s+)?(?P<general>N)\s+{when}",
                known={**known, "summary": "size", "model": model},
            )
            for when, model in (("before", "demo-base"), ("after", "demo-tuned"))
        ),
    ]


CELLS = r"(?P<cells>[ .\d█▓▒░·]+)│$"
_BY_LAYER = rf"^│(?:all layers|layer (?P<layer>\d+)) +{CELLS}"


def sets(units: str = "neurons") -> list[AnyReader]:
    """The lines around a map whose cursor is on one category."""
    category, known = r"^ (?P<category>[a-z ]+)\n ○ demo-base", {"units": units, "layer": ""}
    return [
        Reader(
            "components-summary",
            rf"^ [○●] (?P<model>demo-\w+) +(?P<size>N) of (?P<of>N) {units} · "
            r"(?P<general>N) general · (?P<unique>N) unique",
            category,
            {**known, "summary": "size"},
        ),
        Reader(
            "components-summary",
            r"^ kept (?P<kept>N) · lost (?P<lost>N) · gained (?P<gained>N) · "
            r"Jaccard (?P<jaccard>N)",
            category,
            {**known, "summary": "alteration"},
        ),
        *headline(units),
        *THRESHOLDS,
    ]


def overlaps(value: str, units: str = "neurons") -> list[AnyReader]:
    """The maps of overlaps, by Jaccard index or containment; 1 on the diagonal says nothing."""
    row = rf"^│(?P<category>{'|'.join(CATEGORIES)}) +{CELLS}"
    columns = [{"other_category": each} for each in CATEGORIES]
    maps = _maps("overlap", row, columns, value, units)

    def off_diagonal(screen: str) -> Iterator[Said]:
        for said in (each for read in maps for each in read(screen)):
            itself = said.shown["category"] == said.shown["other_category"]
            alone = {"category": said.shown["category"]}
            yield replace(said, shown=alone) if itself and said.shown[value] == "1.00" else said

    return [off_diagonal]


SETS = sets()
TWO_SETS: list[AnyReader] = [
    Reader(
        "components-summary",
        r"^ [○●] (?P<model>demo-\w+) +(?P<size>N) and \d+ · (?P<shared>N) in "
        r"both · Jaccard (?P<jaccard>N) · contained (?P<containment>N)",
        r"^ (?P<category>[a-z ]+) and (?P<other_category>[a-z ]+)\n ○ demo-base",
        {**_SUMMARY, "summary": "overlap"},
    ),
    Reader(
        "components-summary",
        r"^ [○●] (?P<model>demo-\w+) +\d+ and (?P<size>N) · (?P<shared>N) in "
        r"both · Jaccard (?P<jaccard>N) · contained \S+ and (?P<containment>N)",
        r"^ (?P<other_category>[a-z ]+) and (?P<category>[a-z ]+)\n ○ demo-base",
        {**_SUMMARY, "summary": "overlap"},
    ),
    *headline(),
    *THRESHOLDS,
]
SIZES = _maps(
    "size", _BY_LAYER, [*({"category": each} for each in CATEGORIES), {"value": "general"}], "size"
)
_CHANGED = re.compile(r"−(\d+) \+(\d+)")


def changes_of_sets(screen: str) -> Iterator[Said]:
    """The map of what was lost and gained, two numbers a cell, in the order of the categories."""
    offset = 0
    for line in screen.split("\n"):
        row = re.match(r"│(?:all layers|layer (\d+)) ", line)
        if row is not None:
            known = {**_SUMMARY, "summary": "alteration", "layer": row[1] or ""}
            cells = list(_CHANGED.finditer(line))
            assert len(cells) == len(CATEGORIES), line
            for category, cell in zip(CATEGORIES, cells, strict=True):
                shown = {**known, "category": category, "lost": cell[1], "gained": cell[2]}
                at = offset + cell.start()
                whole = (at, offset + cell.end())
                yield Said("components-summary", shown, {"lost": whole, "gained": whole})
            if row[1]:
                at = (offset + row.start(1), offset + row.end(1))
                yield Said(
                    "components-summary", {**known, "category": CATEGORIES[0]}, {"layer": at}
                )
        offset += len(line) + 1


_SETS = r"(?:general|unique|(?P<{}>N) of \d+)"
_WRITES = r" +(?:[^│]*? +)??"
_OWN_FIRST = rf"(?P<frequency>N) +(?P<other_frequency>N){_WRITES}{_SETS.format('sets')}"
_OTHER_FIRST = rf"(?P<other_frequency>N) +(?P<frequency>N){_WRITES}{_SETS.format('other_sets')}"
_NEURON = r"^│ +(?P<layer>N) +(?P<neuron>N) +"
_LIST = r"╭─ (?P<category>[a-z ]+) · "


def listed(row: str, base: dict[str, str], tuned: dict[str, str]) -> list[AnyReader]:
    """The rows of a list of units; the last column may be out of sight."""
    own = rf"(?: +{_SETS.format('other_sets')})?"
    other = rf"(?: +{_SETS.format('sets')})?"
    kept, gained = r"(?P<status>kept|lost) +", r"(?P<status>gained) +"
    return [
        Reader("components", f"{row}{kept}{_OWN_FIRST}{own}", _LIST, base),
        Reader("components", f"{row}{gained}{_OTHER_FIRST}{other}", _LIST, tuned),
    ]


def members(row: str, place: str, count: str, *, neurons: str = "*") -> list[AnyReader]:
    """The list of a cell and the lines below it.

    `row` is a pattern of the units' numbers, `place` one of where the cursor's stands, `count` one
    of how many there are; `neurons` is the number in the export, empty for experts.
    """
    base = {"model": "demo-base", "neuron": neurons}
    tuned = {"model": "demo-tuned", "neuron": neurons}
    return [
        Reader(
            "components",
            rf"{_LIST}{count}",
            known={"neuron": neurons},
            rows=("layer", "expert", "neuron"),
        ),
        *listed(row, base, tuned),
        Reader(
            "components",
            rf"^ {place} · in (?P<sets>N)→(?P<other_sets>N) of",
            known=base,
        ),
        Reader(
            "component-frequencies",
            r"(?P<category>[a-z][a-z ]+) (?P<frequency_base>\d\.\d+)→(?P<frequency_tuned>N)",
        ),
        *THRESHOLDS,
    ]


BESIDE: list[AnyReader] = [
    changes_of_sets,
    *listed(r"││ +(?P<layer>N) +(?P<neuron>N) +", {"model": "demo-base"}, {"model": "demo-tuned"}),
    Reader("components", rf"{_LIST}(?P<n>N) neurons", rows=("layer", "expert", "neuron")),
]
MEMBERS = members(_NEURON, r"layer (?P<layer>N) · neuron (?P<neuron>N)", r"(?P<n>N) neurons")
EXPERTS = members(
    r"^│ +(?P<layer>N) +(?P<expert>N) +",
    r"layer (?P<layer>N) · expert (?P<expert>N)",
    r"(?P<n>N) experts",
    neurons="",
)
NEURONS_OF_EXPERT = members(
    r"^│ +(?P<layer>N) +(?P<expert>N) +(?P<neuron>N) +",
    r"layer (?P<layer>N) · expert (?P<expert>N) · neuron (?P<neuron>N)",
    r"layer (?P<layer>N) · expert (?P<expert>N) · (?P<n>N) neurons",
)
NEURON: list[AnyReader] = [
    Reader(
        "neuron-components",
        r"^ layer (?P<layer>N) ·(?: expert (?P<expert>N) ·)? neuron (?P<neuron>N)$",
    ),
    Reader(
        "neuron-components",
        r"^ [○●] (?P<model>demo-\w+) · ‖w‖ (?P<norm>N) · (?P<share__pct>N) % of "
        r"w lies in (?P<of_components>N) components",
    ),
    Reader(
        "neuron-components",
        r"component +(?P<component>N) · cos (?P<cosine>N) · var +"
        r"(?P<explained_variance__pct>N) %",
    ),
    *THRESHOLDS,
]
WRITERS: list[AnyReader] = [
    Reader(
        "components-word-essay",
        rf"{_NEURON}(?P<cosine_base>N) +{_SETS.format('sets_base')} +"
        rf"(?P<cosine_tuned>N) +{_SETS.format('sets_tuned')}",
        known={"word": "essay"},
    ),
    *THRESHOLDS,
]
