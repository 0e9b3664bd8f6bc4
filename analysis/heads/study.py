"""Fig. 2 and Table 3 of the paper: how tuning changed attention heads (METHODS 2, paper 5.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.events import Progress
from analysis.heads.changes import TOP_PAIRS, compare_head, neuron_changes
from analysis.heads.gather import head_ask, layer_asks
from analysis.heads.request import HeadPairsRequest
from analysis.heads.result import HeadPairs
from analysis.heads.study_changes import GROUP_COLUMNS, Changes
from analysis.heads.verbs import GROUPS, VerbMovements, VerbRow, layers_in_words, verb_movements
from analysis.models.request import passed_over
from analysis.session.drive import Asker
from analysis.statistics import SIGNIFICANT, Sample
from analysis.studies.findings import Figure, Findings, NamedTable, Series
from analysis.studies.parameters import weight_parameters
from analysis.studies.sentences import p_in_words
from analysis.studies.study import PairInput, Study
from analysis.studies.testing import Claim, Hypothesis
from analysis.table import Cell, Table
from analysis.words.choice import Words, WordVectors

NEURON_HEADS = 64
"""About this many heads have their neuron pairs compared too: each needs its own request."""

HEAD_COLUMNS = ("layer", "head", "change", "pairs_base", "pairs_tuned", "kept", "lost", "gained")
NEURON_COLUMNS = ("layer", "head", "neuron_pair", "change")
VERB_COLUMNS = ("layers", "verb", "kind", "rose", "fell", "share")


@dataclass(frozen=True)
class HeadsInput(PairInput):
    """A pair of models, the words to look for and the vectors that decide which are similar."""

    words: Words
    vectors: WordVectors


def study(given: HeadsInput) -> Study:
    """How much heads and neuron pairs changed, and which verbs gained word pairs.

    Raises:
        ProblemError: ``input`` when the models differ in architecture; whatever prevents reading
            a model's weights.
    """
    asker, pair = Asker(given.session), given.pair
    spoken_of = given.words, given.vectors
    built = yield from asker.architecture(*pair)
    attending = built.attending(range(built.layers))
    asker.note(*filter(None, [passed_over(built.without_heads, range(built.layers))]))
    of_layers = layer_asks(pair, attending, *spoken_of)
    layers = yield from asker.answers("reading heads", of_layers, _both, lambda each: each.notes)
    chosen = sampled_heads([(layer, built.heads_in(layer)) for layer in attending])
    of_heads = [head_ask(pair, *place, *spoken_of) for place in chosen]
    changes = yield from asker.answers("reading neuron pairs", of_heads, neuron_changes)
    neurons: list[tuple[Cell, ...]] = [
        (*place, neuron, change)
        for place, changed in zip(chosen, changes, strict=True)
        for neuron, change in enumerate(changed.tolist())
    ]
    yield Progress("counting verbs", 0, None)
    base, tuned = ([layer[side] for layer in layers] for side in (0, 1))
    movements = verb_movements(base, tuned, built.layers)
    heads = [row for layer in layers for row in _head_rows(*layer)]
    devices = {each.device for layer in layers for each in layer}
    return _findings(
        asker,
        {
            **weight_parameters(*pair, devices, *spoken_of),
            "top words of a neuron pair": HeadPairsRequest(given.base, 0, *spoken_of).top,
        },
        movements,
        heads,
        neurons,
        len(chosen) == sum(built.heads_in(layer) for layer in attending),
    )


def sampled_heads(layers: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """About `NEURON_HEADS` heads (layer, head), equally many per layer and evenly spaced in it.

    Args:
        layers: The layers that have heads, each with their number.
    """
    most = max(1, NEURON_HEADS // len(layers))
    return [
        (layer, place * heads // min(heads, most))
        for layer, heads in layers
        for place in range(min(heads, most))
    ]


def _findings(
    asker: Asker,
    parameters: dict[str, Cell],
    movements: VerbMovements,
    heads: Sequence[tuple[Cell, ...]],
    neurons: Sequence[tuple[Cell, ...]],
    all_heads: bool,
) -> Findings:
    of_heads = _changes("head", heads, movements.groups)
    of_neurons = _changes("neuron pair", neurons, movements.groups)
    verbs = movements.table()
    empty = sum(row[3] == row[4] == 0 for row in heads)
    notes = list(asker.notes)
    if empty:
        notes.append(f"Heads without word pairs in either model, counted as unchanged: {empty}.")
    if not all_heads:
        sampled = len({row[:2] for row in neurons})
        notes.append(
            f"Neuron pairs are those of {sampled} of the {len(heads)} heads, as many in each layer."
        )
    return Findings(
        study="heads",
        title="How tuning changed attention heads and their verbs",
        statements=(
            *of_heads.sentences(),
            *of_neurons.sentences(),
            *(_verbs_told(row) for row in verbs.rows),
        ),
        tables=(
            NamedTable(
                "verb-groups",
                "In how many of the heads that changed verbs have more word pairs (Table 3)",
                verbs.table(),
                note="Shares from 0 to 1; one half is neutral. Means and population "
                "deviations are over the verbs whose number of pairs changed in any head of the "
                "group; the p-value is that of Welch's two-sided t-test. Layers count from 0.",
            ),
            NamedTable(
                "change-groups",
                "Change of heads and neuron pairs by group of layers (Fig. 2)",
                Table(GROUP_COLUMNS, [*of_heads.rows(), *of_neurons.rows()]),
                note=f"Change is 1 − |A∩B| / |A∪B| of the first {TOP_PAIRS} word pairs: 0 where "
                "they are the same, 1 where none is.",
            ),
            NamedTable(
                "heads",
                "Change of every head",
                Table(HEAD_COLUMNS, heads),
                opens="head",
                note=f"Pairs are counted up to {TOP_PAIRS} in each model; kept, lost and gained "
                "are of these.",
            ),
            NamedTable(
                "verbs",
                "Every verb by group of layers",
                Table(VERB_COLUMNS, list(_verb_rows(movements))),
                note="In how many heads its number of word pairs rose and fell, and the share of "
                "the former; verbs that changed nowhere in the group are left out.",
            ),
            NamedTable(
                "neuron-pairs",
                "Change of every neuron pair",
                Table(NEURON_COLUMNS, neurons),
                opens="head",
            ),
        ),
        figures=(
            of_heads.distribution(),
            of_neurons.distribution(),
            Figure(
                "change-by-layer",
                "Mean change from base to tuned by layer",
                "layer",
                f"change, 1 − M of the first {TOP_PAIRS} word pairs",
                (of_heads.by_layer(), of_neurons.by_layer()),
            ),
            _verb_figure(verbs.rows),
        ),
        parameters={
            **parameters,
            "first pairs compared": TOP_PAIRS,
            "groups of layers": GROUPS,
            "heads with neuron pairs": len({row[:2] for row in neurons}),
            "instruction verbs": movements.instructions,
            "general verbs": len(movements.verbs) - movements.instructions,
        },
        notes=tuple(notes),
    )


def _both(base: HeadPairs, tuned: HeadPairs) -> tuple[HeadPairs, HeadPairs]:
    return base, tuned


def _head_rows(base: HeadPairs, tuned: HeadPairs) -> Iterator[tuple[Cell, ...]]:
    for head in range(base.heads):
        found = compare_head(base, tuned, head)
        kept, lost, gained = (len(found.of(each)) for each in ("kept", "lost", "gained"))
        yield base.layer, head, found.change, kept + lost, kept + gained, kept, lost, gained


def _verb_rows(movements: VerbMovements) -> Iterator[tuple[Cell, ...]]:
    for group, ends in enumerate(movements.groups):
        layers = layers_in_words(*ends)
        for place, verb in enumerate(movements.verbs):
            rose, fell = int(movements.rose[group, place]), int(movements.fell[group, place])
            if rose + fell:
                kind = "instruction" if place < movements.instructions else "general"
                yield layers, verb, kind, rose, fell, rose / (rose + fell)


def _changes(
    name: str, rows: Sequence[tuple[Cell, ...]], groups: tuple[tuple[int, int], ...]
) -> Changes:
    place = NEURON_COLUMNS.index("change") if name != "head" else HEAD_COLUMNS.index("change")
    layers, values = [], []
    for row in rows:
        layer, value = row[0], row[place]
        assert isinstance(layer, int)
        assert isinstance(value, float)
        layers.append(layer)
        values.append(value)
    return Changes(name, tuple(layers), tuple(values), groups)


def _verbs_told(row: VerbRow) -> str:
    where = f"Table 3, layers {layers_in_words(row.first, row.last)}"
    if min(row.instruction.count, row.general.count) == 0:
        return f"{where}: nothing to compare, for {row.note}."
    first, second = (
        f"{100 * each.mean:.2f}±{100 * each.deviation:.2f} % (n={each.count:,})"
        for each in (row.instruction, row.general)
    )
    shares = f"verbs rose in {first} of the heads that changed, general verbs in {second}"
    if row.p_value is None:
        return f"{where}: instruction {shares}; that cannot be tested, for {row.note}."
    size = "" if row.effect is None else f", {row.effect.in_words()}"
    numbers = f"{p_in_words(row.p_value)}{size}"
    tested = Hypothesis(where, row.p_value, column=row.p_value)
    if row.p_value >= SIGNIFICANT:
        said = f"{where}: instruction {shares}; they are not shown to differ, {numbers}."
        return Claim(said, tested)
    more = "more" if row.instruction.mean > row.general.mean else "less"
    said = f"{where}: instruction {shares}; instruction verbs rose {more} often, {numbers}."
    return Claim(said, tested)


def _verb_figure(rows: Sequence[VerbRow]) -> Figure:
    layers = tuple(layers_in_words(row.first, row.last) for row in rows)
    series = []
    for name in ("instruction", "general"):
        samples: list[Sample] = [getattr(row, name) for row in rows]
        series.append(
            Series(
                f"{name} verbs",
                layers,
                tuple(100 * each.mean if each.count else None for each in samples),
                tuple(100 * each.deviation if each.count else None for each in samples),
            )
        )
    return Figure(
        "verbs",
        "Heads in which a verb has more word pairs after tuning, of those that changed (Table 3)",
        "layers",
        "share of heads (%), mean over verbs",
        tuple(series),
        kind="bars",
    )
