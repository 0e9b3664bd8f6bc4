"""Tables of what a neuron writes in one model or several (METHODS 3 and 6)."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.neurons.result import NeuronDirection, NeuronWords
from analysis.table import Cell, Table

_PLACE = ("model", "layer", "expert", "neuron")
WORD_COLUMNS = (*_PLACE, "rank", "word", "cosine")
COMPONENT_COLUMNS = (
    *_PLACE,
    "norm",
    "share",
    "of_components",
    "rank",
    "component",
    "cosine",
    "explained_variance",
    "words",
)


def words_table(models: Sequence[NeuronDirection]) -> Table:
    """The words of a neuron by falling |cos(w, E[word])|, the cosine with its sign."""
    return Table(
        WORD_COLUMNS,
        [
            (*_place(found), rank, word, float(cosine))
            for found in models
            for rank, (word, cosine) in enumerate(zip(found.words, found.cosines, strict=True), 1)
        ],
    )


def neuron_words_table(found: Sequence[NeuronWords]) -> Table:
    """`WORD_COLUMNS`, those of `words_table`, for many neurons."""
    return Table(
        WORD_COLUMNS,
        [
            (each.model, each.layer, None if expert < 0 else expert, neuron, rank, word, cosine)
            for each in found
            for (expert, neuron), words, cosines in zip(
                each.neurons, each.words, each.cosines.tolist(), strict=True
            )
            for rank, (word, cosine) in enumerate(zip(words, cosines, strict=True), 1)
        ],
    )


def components_table(models: Sequence[NeuronDirection]) -> Table:
    """The layer's components by falling |cos(w, v_r)|, the cosine with its sign.

    Returns:
        `COMPONENT_COLUMNS`: ``norm`` is ‖w‖ and ``share`` what of w lies in the space of all
        ``of_components`` components. Words are separated by spaces, a minus before those on the
        component's negative side. A neuron of a layer without components has one row.
    """
    return Table(COMPONENT_COLUMNS, [row for found in models for row in _components(found)])


def _components(found: NeuronDirection) -> list[tuple[Cell, ...]]:
    start = (*_place(found), found.norm, found.share, found.rank)
    if not len(found.components):
        return [(*start, *[None] * (len(COMPONENT_COLUMNS) - len(start)))]
    rows: list[tuple[Cell, ...]] = []
    for index, component in enumerate(found.components.tolist()):
        signs = ("-" if each < 0 else "" for each in found.component_measures[index])
        words = zip(signs, found.component_words[index], strict=True)
        rows.append(
            (
                *(*start, index + 1, component, float(found.component_cosines[index])),
                *(float(found.explained_variance[index]), " ".join(map("".join, words))),
            )
        )
    return rows


def _place(found: NeuronDirection) -> tuple[Cell, ...]:
    return found.model, found.layer, None if found.expert < 0 else found.expert, found.neuron
