"""What the views of weights and of hidden states show, as cells of what they export."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.app.shown_components import CELLS
from tests.support.shown_numbers import AnyReader, Grid, Listed, Reader, Said

HEAD = r"layer (?P<layer>N) · head (?P<head>N)"
_FROM, _TO = r"(?P<heads_base>N)", r"(?P<heads_tuned>N)"
HEADS: list[AnyReader] = [
    Reader(
        "heads-changes",
        rf"^ {HEAD}  change (?P<change>N)  pairs (?P<pairs_base>N)→"
        r"(?P<pairs_tuned>N)  of the first 100 of either model  = (?P<kept>N)"
        r"  \+ (?P<gained>N)  − (?P<lost>N)",
    ),
    *(
        Reader("heads-changes", rf"{name} (?P<{name}>N) ─", rf"^ {HEAD}  change")
        for name in ("kept", "gained", "lost")
    ),
    Reader(
        "heads",
        r"(?P<word_a>\w+)=(?P<word_b>\w+) +×(?P<count_base>N)→×(?P<count_tuned>N)",
        rf"^ {HEAD}  change",
    ),
    Reader(
        "heads",
        r"(?P<word_a>\w+)=(?P<word_b>\w+) +×(?P<count_tuned__or_count_base>N)(?![\d→])",
        rf"^ {HEAD}  change",
    ),
]
ALL_HEADS: list[AnyReader] = [
    *HEADS,
    Reader(
        "heads-changes",
        rf"Tuning changed {HEAD} most: (?P<gained>N) of its word pairs are new, (?P<kept>N) kept",
    ),
    Reader(
        "heads-changes",
        rf"L{HEAD[1:]} changed least: (?P<gained>N) new, (?P<kept>N) kept",
    ),
    Reader("heads-changes", r"^ change (?P<change>N) "),
    Reader("heads-changes", r"^ change \S+ [^=]*?(?P<change>N)   = kept"),
    # The row of the ranking stands right of the map or of the list of words.
    Reader(
        "heads-changes",
        r"│ +(?P<layer>N) +(?P<head>N) +(?P<change>N) +(?:(?P<kept>N) +(?P<gained>N) +"
        r"(?P<lost>N) +)?(?=\w+=)",
    ),
    Reader("heads-by-word", rf"\b(?!pairs )(?P<word>\w+) {_FROM}→{_TO}"),
    Reader("heads-by-word", rf"^│ (?P<word>\w+) +{_FROM} +{_TO} +(?P<difference>N) *▂?[ █▁-█]*│"),
]
NEURON_PAIR = rf"neuron pair (?P<neuron_pair>N) ·(?s:.*)^ {HEAD}"
NEURON_PAIRS: list[AnyReader] = [
    *HEADS,
    Reader("neuron-changes", r"─ (?P<n>N) neuron pairs ─", HEAD, rows=()),
    Reader(
        "neuron-changes",
        r"^│ +(?P<neuron_pair>N) +(?P<pairs_tuned>N) +(?P<change>N) ",
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
        r"^│ +(?P<layer>N) +(?P<head>N) +(?P<pairs_base>N) +(?P<pairs_tuned>N) +"
        r"(?P<difference>N)",
    ),
    Reader("heads-word", r"in (?P<n>N) heads of", rows=()),
]

LAYER = r"^ layer (?P<layer>N) ·"
TURNED: list[AnyReader] = [
    Reader(
        "concepts-rotation",
        r"Tuning turned layer (?P<layer>N) most: its components by (?P<mean_component_angle>N)°",
    ),
    Reader(
        "concepts-rotation",
        r"those of layer (?P<layer>N) least, by (?P<mean_component_angle>N)°",
    ),
]
COMPONENT = rf"{LAYER}(?s:.*?)[│ ]base (?P<component>N)  "
CONCEPTS: list[AnyReader] = [
    *TURNED,
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


def cosines(screen: str) -> Iterator[Said]:
    """The words of the components under the cursor, each with its cosine."""
    layer = re.search(r"^ layer (\d+) ·", screen, re.MULTILINE)
    numbers = re.search(r"base (\d+)  .*tuned (\d+)  ", screen)
    assert layer is not None
    assert numbers is not None
    for line in re.finditer(r"(?:[=+−] \w+ +[+-]0\.\d\d *){2}│$", screen, re.MULTILINE):
        found = re.finditer(r"[=+−] (\w+) +([+-])(0\.\d\d)", line.group())
        for side, word in enumerate(found):
            minus = "-" if word[2] == "-" else ""
            shown = {
                "model": ("demo-base", "demo-tuned")[side],
                "layer": layer[1],
                "component": numbers[side + 1],
                "cosines__of_words": f"{minus}{word[1]} {word[3]}",
            }
            start = line.start()
            yield Said(
                "concepts", shown, {"cosines__of_words": (word.start() + start, word.end() + start)}
            )


COMPONENTS: list[AnyReader] = [
    cosines,
    Reader("concepts-rotation", r"^│[▸ ] *(?P<layer>N) +(?P<mean_component_angle>N)° "),
    Reader("concepts", r"^ turned (?P<angle_degrees>N)° ", LAYER),
    Reader("concepts", r"^ turned [^=]*?(?P<angle_degrees>N)°   = kept", LAYER),
    Reader(
        "concepts",
        r"│ +(?P<angle_degrees>N)° +(?P<component>N) +(?P<matched_component>N) +"
        r"(?P<explained_variance__pct>N) ",
        LAYER,
        {"model": "demo-base"},
    ),
    *(
        Reader(
            "concepts",
            rf"[│ ]{model} (?P<component>N)  (?P<explained_variance__pct>N) %",
            LAYER,
            {"model": f"demo-{model}"},
        )
        for model in ("base", "tuned")
    ),
    Reader("concepts", r"· angle (?P<angle_degrees>N)°", COMPONENT, {"model": "demo-base"}),
    *(
        Reader("concepts", rf"\b{name} (?P<words_{name}>N) ", COMPONENT, {"model": "demo-base"})
        for name in ("kept", "gained", "lost")
    ),
]
_SIDES = "".join(
    rf" +(?P<component_{side}>N|–)(?: +(?P<rank_{side}>N) +(?P<cosine_{side}>N)|"
    r" +not there)"
    for side in ("base", "tuned")
)
CONCEPTS_FOUND: list[AnyReader] = [
    Reader("concepts-word", rf"^│ +(?P<layer>N){_SIDES}"),
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


CLUSTERS: list[AnyReader] = [
    Reader(
        "clusters",
        r"^ [○●] (?P<model>demo-\w+) +· layer (?P<layer>N) of \d+  by (?P<label>\w+)  "
        r"F1 (?P<f1>N)  pair F1 (?P<pair_f1>N)  ARI (?P<ari>N)  AMI (?P<ami>N)",
    ),
    Reader(
        "instances",
        r"^ \w (?P<task>\w+): (?P<input>\w+) → (?P<output>\w+)  .*in a cluster of "
        r"(?P<task_cluster_size>N), (?P<task_cluster_share__pct>N)%",
        r"^ ● (?P<model>demo-tuned) +· layer (?P<layer>N) of",
    ),
    Reader("clusters", r"[○●] (?P<model>demo-\w+) · layer (?P<layer>N)(?:, its best)? ─"),
    Reader(
        "clusters",
        r"best layer, (?P<layer>N), F1 is (?P<f1>N);",
        known={"model": "demo-tuned", "label": "task"},
    ),
    Reader(
        "clusters",
        r"before, in layer (?P<layer>N), (?P<f1>N)\.$",
        known={"model": "demo-base", "label": "task"},
    ),
    Reader("neighbours", r"(?P<k>N) nearest neighbours"),
]
_EPOCH = r"^ epoch (?P<epoch>N) of \d+ \("
_AT = r"^│? +(?P<layer>N) +(?=\d\.)"
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


RANKED: list[AnyReader] = [
    Reader(
        "changes",
        r"││ +(?:(?P<layer>N)|outside) +(?P<tensor>\w+) +(?P<relative_change__pct>N)"
        r"(?: +(?P<effective_rank>N) +(?P<directions_of_90_percent>N) +(?P<width>N))?",
        rename={"width": "shape__narrower"},
    ),
    Reader(
        "changes",
        r"(?:layer (?P<layer>N) · )?(?P<tensor>\w+) changed most of all [\w ]+, by "
        r"(?P<relative_change__pct>N) %",
    ),
    Reader(
        "changes",
        r"least (?:layer (?P<layer>N) · )?(?P<tensor>\w+), by (?P<relative_change__pct>N) %",
    ),
    Reader(
        "changes",
        r"lie in (?:about )?(?P<directions_of_90_percent>N) of (?P<width>N) directions",
        r"layer (?P<layer>N) · (?P<tensor>\w+) changed most",
        rename={"width": "shape__narrower"},
    ),
    Reader("changes", r"(?P<relative_change__pct>N) % of the norm"),
]
"""The matrices by change, and the sentence above them."""


def changed(tensors: tuple[str, ...]) -> list[AnyReader]:
    """The map of matrices, or that of vectors, and the lines below it."""
    return [
        Grid(
            "changes",
            r"^│ {9,}(?P<names>\w)",
            rf"^│(?:outside|layer (?P<layer>\d+)) +{CELLS}",
            [{"tensor": each} for each in tensors],
            "relative_change__pct",
            pane=0,
        ),
        *RANKED,
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
        r"^ ?~? *(?P<direction>N) +(?P<singular_value>N) +(?P<share__pct>N) +"
        r"(?P<cumulative_share__pct>N) ",
        _TENSOR,
    ),
    ends,
    *TENSOR,
]
CHANGES_FOUND: list[AnyReader] = [
    Reader(
        "changes-word",
        r"^│ +(?:(?P<layer>N)|outside) +(?P<tensor>\w+) +(?P<direction>N) +\w+ +"
        r"(?P<rank>N) +(?P<cosine__abs>N) ",
    ),
    Reader("changes-word", r"in (?P<n>N) directions of", rows=()),
]
