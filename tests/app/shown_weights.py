"""What the views of weights and of hidden states show, as cells of what they export."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from tests.app.components_screen import CATEGORIES
from tests.support.shown_numbers import AnyReader, Grid, Listed, Reader, Said

HEAD = r"layer (?P<layer>N) · head (?P<head>N)"
PLACE = r"layer +(?P<layer>N) · head +(?P<head>N)"
HEADS: list[AnyReader] = [
    Reader(
        "heads-changes",
        rf"^ {HEAD}  change (?P<change>N)  pairs (?P<pairs_base>N)→"
        r"(?P<pairs_tuned>N)  kept (?P<kept>N)  gained (?P<gained>N)  lost (?P<lost>N)",
    ),
    *(
        Reader("heads-changes", rf"─ {name} (?P<{name}>N) ─", HEAD)
        for name in ("kept", "gained", "lost")
    ),
    Reader(
        "heads", r"(?P<word_a>\w+)=(?P<word_b>\w+) +×(?P<count_base>N)→×(?P<count_tuned>N)", HEAD
    ),
    Reader(
        "heads",
        r"(?P<word_a>\w+)=(?P<word_b>\w+) +×(?P<count_tuned__or_count_base>N)(?![\d→])",
        HEAD,
    ),
]
NEURON_PAIR = rf"neuron pair (?P<neuron_pair>N) ·(?s:.*)^ {HEAD}"
NEURON_PAIRS: list[AnyReader] = [
    *HEADS,
    Reader("neuron-changes", r"─ (?P<n>N) neuron pairs ─", HEAD, rows=()),
    Reader(
        "neuron-changes",
        r"^│ +(?P<neuron_pair>N) (?P<pairs_tuned>N) pairs +"
        r"change (?P<change>N)",
        HEAD,
    ),
    Reader(
        "neuron-pairs",
        r"(?P<model>demo-tuned) · neuron pair (?P<neuron_pair>N) · "
        r"(?P<n>N) pairs by",
        HEAD,
        rows=(),
    ),
    Reader(
        "neuron-pairs",
        r"(?P<word_a>\w+)=(?P<word_b>\w+) +(?P<score>N)",
        NEURON_PAIR,
        {"model": "demo-tuned"},
    ),
]
VERBS: list[AnyReader] = [
    Reader(
        "verbs",
        r"^ +(?P<layers>\d+–\d+) +(?P<heads>N) +(?P<instruction_mean__pct>N) ± "
        r"(?P<instruction_deviation__pct>N) \((?P<instruction_verbs>N)\) +"
        r"(?P<general_mean__pct>N) ± (?P<general_deviation__pct>N) \((?P<general_verbs>N)\) +"
        r"(?P<p_value>N)",
    ),
]
HEADS_FOUND: list[AnyReader] = [
    Reader(
        "heads-word",
        rf"^│{PLACE}  base +(?P<pairs_base>N)  tuned +(?P<pairs_tuned>N) +"
        r"(?:(?P<difference>N)|=)",
    ),
    Reader("heads-word", r"in (?P<n>N) heads of", rows=()),
]

LAYER = r"^ layer (?P<layer>N) ·"
COMPONENT = rf"{LAYER}(?s:.*)^ base (?P<component>N)  "
CONCEPTS: list[AnyReader] = [
    Reader(
        "concepts-rotation",
        r"turned by (?P<mean_subspace_angle>N)° on average, "
        r"components by (?P<mean_component_angle>N)°",
        LAYER,
    ),
    Reader("concepts-rotation", r"^ layer (?P<layer>N) ·"),
    Reader(
        "concepts-cumulative",
        r"(?P<cumulative_base__pct>N)→(?P<cumulative_tuned__pct>N) % of "
        r"the variance in (?P<component__n1>N) components",
    ),
]
COMPONENTS: list[AnyReader] = [
    Reader(
        "concepts",
        r"^ +(?P<component>N) +(?P<explained_variance__pct>N) .*? "
        r"(?P<angle_degrees>N)° +(?P<matched_component>N) ",
        LAYER,
        {"model": "demo-base"},
    ),
    Reader(
        "concepts",
        r"(?P<angle_degrees>N)° +(?P<component>N) +(?P<explained_variance__pct>N) ",
        LAYER,
        {"model": "demo-tuned"},
    ),
    *(
        Reader(
            "concepts",
            rf" {model} (?P<component>N)  (?P<explained_variance__pct>N) % cos "
            r"(?P<cosines__first>N)–(?P<cosines__last>N)",
            LAYER,
            {"model": f"demo-{model}"},
        )
        for model in ("base", "tuned")
    ),
    Reader("concepts", r"· angle (?P<angle_degrees>N)°", COMPONENT, {"model": "demo-base"}),
    *(
        Reader("concepts", rf"\b{name} (?P<words_{name}>N):", COMPONENT, {"model": "demo-base"})
        for name in ("kept", "gained", "lost")
    ),
]
_SIDES = "".join(
    rf" · {side} +(?P<component_{side}>N|–)(?:  no\. +(?P<rank_{side}>N) (?P<cosine_{side}>N)|"
    r" +not there)"
    for side in ("base", "tuned")
)
CONCEPTS_FOUND: list[AnyReader] = [
    Reader("concepts-word", rf"^│layer +(?P<layer>N) {_SIDES}"),
    *(
        Reader(
            "concepts-word",
            rf"of \d+ layers: .*{side} (?P<n>N)",
            known={f"rank_{side}": "*"},
            rows=(),
        )
        for side in ("base", "tuned")
    ),
]


def listed(kind: str, first: str) -> list[AnyReader]:
    """The numbers of a plot of components, below the line on the layer."""
    return [Listed(kind, first), *CONCEPTS]


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


_CELLS = r"(?P<cells>[ .\d█▓▒░·]+)│$"
_BY_LAYER = rf"^│(?:all layers|layer (?P<layer>\d+)) +{_CELLS}"


def sets(units: str = "neurons") -> list[AnyReader]:
    """The lines around a map whose cursor is on one category."""
    category, known = r"^ (?P<category>[a-z ]+)\n demo-base", {"units": units, "layer": ""}
    return [
        Reader(
            "components-summary",
            rf"^ (?P<model>demo-\w+) +(?P<size>N) of (?P<of>N) {units} · (?P<general>N) general · "
            r"(?P<unique>N) unique",
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
        *THRESHOLDS,
    ]


def overlaps(value: str, units: str = "neurons") -> list[AnyReader]:
    """The maps of overlaps, by Jaccard index or containment; 1 on the diagonal says nothing."""
    row = rf"^│(?P<category>{'|'.join(CATEGORIES)}) +{_CELLS}"
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
        r"^ (?P<model>demo-\w+) +(?P<size>N) and \d+ · (?P<shared>N) in "
        r"both · Jaccard (?P<jaccard>N) · contained (?P<containment>N)",
        r"^ (?P<category>[a-z ]+) and (?P<other_category>[a-z ]+)\n demo-base",
        {**_SUMMARY, "summary": "overlap"},
    ),
    Reader(
        "components-summary",
        r"^ (?P<model>demo-\w+) +\d+ and (?P<size>N) · (?P<shared>N) in "
        r"both · Jaccard (?P<jaccard>N) · contained \S+ and (?P<containment>N)",
        r"^ (?P<other_category>[a-z ]+) and (?P<category>[a-z ]+)\n demo-base",
        {**_SUMMARY, "summary": "overlap"},
    ),
    *THRESHOLDS,
]
SIZES = _maps(
    "size", _BY_LAYER, [*({"category": each} for each in CATEGORIES), {"value": "general"}], "size"
)
CHANGES_OF_SETS: list[AnyReader] = [
    Grid(
        "components-summary",
        r"^│ {9,}(?P<names>\w)",
        _BY_LAYER,
        [{"category": each} for each in CATEGORIES],
        "jaccard",
        {**_SUMMARY, "summary": "alteration"},
    ),
]
_OWN = r"(?P<frequency>N) (?:general|unique|(?P<sets>N) of \d+)"
_OTHER = r"(?P<other_frequency>N) (?:general|unique|(?P<other_sets>N) of \d+)"
_NEURON = r"^│ +(?P<layer>N) +(?P<neuron>N) +"
_LIST = r"╭─ (?P<category>[a-z ]+) · "


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
        Reader("components", rf"{row}(?P<status>kept|lost) +{_OWN} +{_OTHER}", _LIST, base),
        Reader("components", rf"{row}(?P<status>gained) +{_OTHER} +{_OWN}", _LIST, tuned),
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
        r"^ (?P<model>demo-\w+) · ‖w‖ (?P<norm>N) · (?P<share__pct>N) % of "
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
        rf"{_NEURON}(?P<cosine_base>N) +(?P<sets_base>N) of \d+ +"
        r"(?P<cosine_tuned>N) +(?P<sets_tuned>N) of",
        known={"word": "essay"},
    ),
    *THRESHOLDS,
]

CLUSTERS: list[AnyReader] = [
    Reader(
        "clusters",
        r"^ (?P<model>demo-\w+) · layer (?P<layer>N) of \d+  by (?P<label>\w+)  "
        r"F1 (?P<f1>N)  pair F1 (?P<pair_f1>N)  ARI (?P<ari>N)  AMI (?P<ami>N)",
    ),
    Reader(
        "instances",
        r"^ \w (?P<task>\w+): (?P<input>\w+) → (?P<output>\w+)  .*in a cluster of "
        r"(?P<task_cluster_size>N), (?P<task_cluster_share__pct>N)%",
        r"^ (?P<model>demo-\w+) · layer (?P<layer>N) of",
    ),
    Reader("neighbours", r"(?P<k>N) nearest neighbours"),
]
_EPOCH = r"^ epoch (?P<epoch>N) of \d+ \("
_AT = r"^ (?P<layer>N) +"
RUN: list[AnyReader] = [
    *(
        Reader(
            "clusters",
            rf"{_AT}{r'N +' * place}(?P<f1>N) ",
            _EPOCH,
            {"split": "validation", "label": label},
        )
        for place, label in enumerate(("task", "distribution", "distribution-mapping"))
    ),
    Reader("neighbours", rf"{_AT}N +N +N +(?P<share>N) +(?P<accuracy>N)", _EPOCH),
    Reader("clusters", rf"{_EPOCH}"),
    Reader("clusters", r"\(best (?P<epoch>N)\)", known={"best_epoch": "True"}),
]

_TENSOR = r"^ layer (?P<layer>N) · (?P<tensor>\w+) · "
_MATRICES = ("query", "key", "value", "output", "gate", "up", "down", "embeddings")
_VECTORS = ("input_layernorm", "norm")


def changed(tensors: tuple[str, ...]) -> list[AnyReader]:
    """The map of matrices, or that of vectors, and the lines below it."""
    return [
        Grid(
            "changes",
            r"^│ {9,}(?P<names>\w)",
            rf"^│(?:outside|layer (?P<layer>\d+)) +{_CELLS}",
            [{"tensor": each} for each in tensors],
            "relative_change__pct",
        ),
        Reader("changes", r"in %, up to (?P<relative_change__pct>N) "),
        *TENSOR,
    ]


TENSOR: list[AnyReader] = [
    Reader("changes", r"^ layer (?P<layer>N) · (?P<tensor>\w+) · (?P<shape>[\d×]+)"),
    Reader(
        "changes",
        r"^ changed by (?P<relative_change__pct>N) %(?: · effective rank "
        r"(?P<effective_rank>N) · 90 % in (?P<directions_of_90_percent>N) · stable rank "
        r"(?P<stable_rank>N))?",
        _TENSOR,
    ),
]
MATRICES, VECTORS = changed(_MATRICES), changed(_VECTORS)


def ends(screen: str) -> Iterator[Said]:
    """The words at both ends of the first direction, with their cosines."""
    about = re.search(_TENSOR.replace("N", r"\d+"), screen, re.MULTILINE)
    for line in re.finditer(r"^ ([+−]) ((?:\w+ 0\.\d\d ?)+)", screen, re.MULTILINE):
        name = {"+": "cosines__of_words", "−": "opposite_cosines__of_opposite_words"}[line[1]]
        for word in re.finditer(r"\w+ 0\.\d\d", screen[: line.end()][line.start() :]):
            assert about is not None
            shown = {**about.groupdict(), "direction": "0", name: word.group()}
            at = line.start()
            yield Said("directions", shown, {name: (word.start() + at, word.end() + at)})


DIRECTIONS: list[AnyReader] = [
    Reader(
        "directions",
        r"^ ?~? +(?P<direction>N) +(?P<singular_value>N) +(?P<share__pct>N) +"
        r"(?P<cumulative_share__pct>N) ",
        _TENSOR,
    ),
    ends,
    *TENSOR,
]
CHANGES_FOUND: list[AnyReader] = [
    Reader(
        "changes-word",
        r"^│ +(?:layer (?P<layer>N)|outside) · (?P<tensor>\w+) +"
        r"direction +(?P<direction>N) \w+ +no\. +(?P<rank>N) (?P<cosine__abs>N) ",
    ),
    Reader("changes-word", r"in (?P<n>N) directions of", rows=()),
]
