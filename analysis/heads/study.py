"""Fig. 2 and Table 3 of the paper: how tuning changed attention heads (METHODS 2, paper 5.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from analysis.events import Progress
from analysis.heads.changes import TOP_PAIRS, compare_head, neuron_changes
from analysis.heads.gather import head_ask, layer_asks
from analysis.heads.request import TOP_WORDS
from analysis.heads.result import HeadPairs, NeuronPairs
from analysis.heads.stored import StoredHeads, open_heads
from analysis.heads.study_changes import GROUP_COLUMNS, Changes
from analysis.heads.verbs import GROUPS, VerbMovements, VerbRow, layers_in_words, verb_movements
from analysis.models.request import Architecture, passed_over
from analysis.request import Ask
from analysis.session.drive import Asker
from analysis.statistics.inference import SIGNIFICANT, Sample
from analysis.studies.findings import Figure, Findings, NamedTable, Series
from analysis.studies.outlook import Outlook, architecture_of
from analysis.studies.parameters import weight_parameters
from analysis.studies.sentences import p_in_words
from analysis.studies.study import PairInput, Study
from analysis.studies.testing import Claim, Hypothesis
from analysis.table import Cell, Table
from analysis.words.choice import Words, WordVectors
from analysis.words.verbs import INSTRUCTION_VERBS

NEURON_HEADS = 64
"""About this many heads have their neuron pairs compared too: each needs its own request."""

HEAD_COLUMNS = ("layer", "head", "change", "pairs_base", "pairs_tuned", "kept", "lost", "gained")
NEURON_COLUMNS = ("layer", "head", "neuron_pair", "change")
VERB_COLUMNS = ("layers", "verb", "kind", "rose", "fell", "share")


@dataclass(frozen=True, kw_only=True)
class HeadsChoices:
    """How word pairs are compared, wherever they come from.

    Attributes:
        top_pairs: How many first pairs of either model a change is measured on (Fig. 2).
        layer_groups: Number of groups of layers (Table 3).
        instruction_verbs: The verbs that are compared with `general_verbs`.
        general_verbs: None for the most frequent ones.
    """

    top_pairs: int = TOP_PAIRS
    layer_groups: int = GROUPS
    instruction_verbs: tuple[str, ...] = INSTRUCTION_VERBS
    general_verbs: tuple[str, ...] | None = None

    def movements(
        self, base: Sequence[HeadPairs], tuned: Sequence[HeadPairs], layers: int
    ) -> VerbMovements:
        """In how many heads these verbs gained and lost word pairs."""
        verbs = self.instruction_verbs, self.general_verbs
        return verb_movements(base, tuned, layers, *verbs, self.layer_groups)


@dataclass(frozen=True)
class HeadsInput(HeadsChoices, PairInput):
    """A pair of models, the words to look for and the vectors that decide which are similar.

    `top_words` is K, the most activating words that a neuron pair combines.
    """

    words: Words
    vectors: WordVectors
    top_words: int = TOP_WORDS


@dataclass(frozen=True)
class StoredHeadsInput(HeadsChoices):
    """A folder of word pairs, in place of models; see `analysis.heads.stored`."""

    folder: Path


@dataclass(frozen=True)
class _Compared:
    """The heads of every layer in both models, and the change of some neuron pairs, if known.

    `of_all`: these neuron pairs are those of all heads.
    """

    layers: Sequence[tuple[HeadPairs, HeadPairs]]
    neurons: Sequence[tuple[Cell, ...]] = ()
    of_all: bool = True


def study(given: HeadsInput | StoredHeadsInput) -> Study:
    """How much heads and neuron pairs changed, and which verbs gained word pairs.

    Raises:
        ProblemError: ``input`` when the models differ in architecture; whatever prevents reading
            a model's weights; ``storage`` for a folder that holds no word pairs.
    """
    if isinstance(given, StoredHeadsInput):
        return (yield from _of_stored(given))
    asker, pair = Asker(given.session), given.pair
    spoken_of = given.words, given.vectors
    built = yield from asker.architecture(*pair)
    attending = built.attending(range(built.layers))
    asker.note(*filter(None, [passed_over(built.without_heads, range(built.layers))]))
    of_layers, chosen, of_heads = _asks(given, built)
    layers = yield from asker.answers("reading heads", of_layers, _both, lambda each: each.notes)
    changed = partial(neuron_changes, top=given.top_pairs)
    changes = yield from asker.answers("reading neuron pairs", of_heads, changed)
    neurons: list[tuple[Cell, ...]] = [
        (*place, neuron, change)
        for place, changed in zip(chosen, changes, strict=True)
        for neuron, change in enumerate(changed.tolist())
    ]
    yield Progress("counting verbs", 0, None)
    devices = {each.device for layer in layers for each in layer}
    return _findings(
        given,
        _Compared(
            layers, neurons, len(chosen) == sum(built.heads_in(layer) for layer in attending)
        ),
        built.layers,
        {
            **weight_parameters(*pair, devices, *spoken_of),
            "frequent words behind a threshold": given.vectors.most_frequent,
            "deviations of a threshold": given.vectors.factor,
            "top words of a neuron pair": given.top_words,
        },
        tuple(asker.notes),
    )


def outlook(given: HeadsInput) -> Outlook | None:
    """How far the study is; None if it is not known what the models are built of."""
    built = architecture_of(given)
    if built is None:
        return None
    of_layers, _, of_heads = _asks(given, built)
    return Outlook.of_asks(given.session, (*of_layers, *of_heads))


def _asks(
    given: HeadsInput, built: Architecture
) -> tuple[list[Ask[HeadPairs]], list[tuple[int, int]], list[Ask[NeuronPairs]]]:
    """What is asked: of the layers, and of the neuron pairs of these heads."""
    told = given.words, given.vectors, given.top_words
    attending = built.attending(range(built.layers))
    chosen = sampled_heads([(layer, built.heads_in(layer)) for layer in attending])
    of_heads = [head_ask(given.pair, layer, head, *told) for layer, head in chosen]
    return layer_asks(given.pair, attending, *told), chosen, of_heads


def _of_stored(given: StoredHeadsInput) -> Study:
    yield Progress("reading word pairs", 0, None)
    stored = open_heads(given.folder)
    layers = list(zip(stored.base, stored.tuned, strict=True))
    yield Progress("counting verbs", 0, None)
    return _findings(
        given,
        _Compared(layers),
        1 + max(each.layer for each in stored.base),
        _stored_parameters(stored),
        ("Changes of neuron pairs are left out: only the word pairs of whole heads are stored.",),
    )


def _stored_parameters(stored: StoredHeads) -> dict[str, Cell]:
    counted = {
        "forms": "each form of a word pair apart",
        "merged": "of word pairs without order and case",
    }
    return {
        "base": stored.models[0],
        "tuned": stored.models[1],
        "word pairs of": stored.origin,
        "neuron pairs counted": counted[stored.counting],
    }


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
    choices: HeadsChoices,
    compared: _Compared,
    layers: int,
    parameters: dict[str, Cell],
    told: Sequence[str],
) -> Findings:
    base, tuned = ([layer[side] for layer in compared.layers] for side in (0, 1))
    movements = choices.movements(base, tuned, layers)
    neurons, top = compared.neurons, choices.top_pairs
    heads = [row for layer in compared.layers for row in _head_rows(*layer, top)]
    changes = [_changes("head", heads, movements.groups, top)]
    if neurons:
        changes.append(_changes("neuron pair", neurons, movements.groups, top))
    verbs = movements.table()
    empty = sum(row[3] == row[4] == 0 for row in heads)
    notes = list(told)
    if empty:
        notes.append(f"Heads without word pairs in either model, counted as unchanged: {empty}.")
    if not compared.of_all:
        sampled = len({row[:2] for row in neurons})
        notes.append(
            f"Neuron pairs are those of {sampled} of the {len(heads)} heads, as many in each layer."
        )
    return Findings(
        study="heads",
        title="How tuning changed attention heads and their verbs",
        statements=(
            *(sentence for each in changes for sentence in each.sentences()),
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
                f"Change of {' and '.join(f'{each.name}s' for each in changes)} by group of layers "
                "(Fig. 2)",
                Table(GROUP_COLUMNS, [row for each in changes for row in each.rows()]),
                note=f"Change is 1 − |A∩B| / |A∪B| of the first {top} word pairs: 0 where "
                "they are the same, 1 where none is.",
            ),
            NamedTable(
                "heads",
                "Change of every head",
                Table(HEAD_COLUMNS, heads),
                opens="head",
                note=f"Pairs are counted up to {top} in each model; kept, lost and gained "
                "are of these.",
            ),
            NamedTable(
                "verbs",
                "Every verb by group of layers",
                Table(VERB_COLUMNS, list(_verb_rows(movements))),
                note="In how many heads its number of word pairs rose and fell, and the share of "
                "the former; verbs that changed nowhere in the group are left out.",
            ),
            *(
                [
                    NamedTable(
                        "neuron-pairs",
                        "Change of every neuron pair",
                        Table(NEURON_COLUMNS, neurons),
                        opens="head",
                    )
                ]
                if neurons
                else ()
            ),
        ),
        figures=(
            *(each.distribution() for each in changes),
            Figure(
                "change-by-layer",
                "Mean change from base to tuned by layer",
                "layer",
                f"change, 1 − M of the first {top} word pairs",
                tuple(each.by_layer() for each in changes),
            ),
            _verb_figure(verbs.rows),
        ),
        parameters={
            **parameters,
            "first pairs compared": top,
            "groups of layers": len(movements.groups),
            "heads with neuron pairs": len({row[:2] for row in neurons}),
            "instruction verbs": movements.instructions,
            "general verbs": len(movements.verbs) - movements.instructions,
        },
        notes=tuple(notes),
    )


def _both(base: HeadPairs, tuned: HeadPairs) -> tuple[HeadPairs, HeadPairs]:
    return base, tuned


def _head_rows(base: HeadPairs, tuned: HeadPairs, top: int) -> Iterator[tuple[Cell, ...]]:
    for head in range(base.heads):
        found = compare_head(base, tuned, head, top)
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
    name: str, rows: Sequence[tuple[Cell, ...]], groups: tuple[tuple[int, int], ...], top: int
) -> Changes:
    place = NEURON_COLUMNS.index("change") if name != "head" else HEAD_COLUMNS.index("change")
    layers, values = [], []
    for row in rows:
        layer, value = row[0], row[place]
        assert isinstance(layer, int)
        assert isinstance(value, float)
        layers.append(layer)
        values.append(value)
    return Changes(name, tuple(layers), tuple(values), groups, top)


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
