"""The Clusters view's texts: help, the instance under the cursor, the legend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
from rich.cells import cell_len

from analysis.clustering.result import METRIC_NAMES, METRICS, TaskClusters
from analysis.clustering.tables import best_layer, kinds_of
from analysis.clustering.tasks.task_set import LABELS, prompt_of
from app.terminal.text import pad, prose
from app.views.clustering.models import Both
from app.widgets.lines import Line, Part, width_of
from app.widgets.scatter_map import MARKS, Scatter, look_of, mark_of

HELP = (
    "Whether a model's hidden states lie together by task. Every phrasing of sixteen tasks goes "
    "with ten mappings of that task, such as dog → chien; what is looked at is the state at the "
    "last token of the input, which predicts the output. Layer 0 is the embeddings. / names tasks "
    "of your own: a TOML file, or JSON lines, with name, phrasings and mappings each.\n\n"
    "The maps, base beside tuned, show the first two principal components of a layer's states, a "
    "letter an instance or the most frequent one of a cell; the legend says what the letters are, "
    "the lines below which instance is under the cursor, which is the same on both maps. The "
    "curves show every layer, a triangle the one on the maps.\n\n"
    "Where all instances take long, a sample is shown first: five phrasings of every task with "
    "five mappings. Its scores are those of fewer instances, and of fewer mappings to tell "
    "apart; Enter computes all.\n\n"
    "Training runs (t): a small model that learns synthetic tasks from scratch, trained with "
    "insttui clusters train. The curves are of four of its layers over the epochs; below them "
    "stand all layers after the epoch of the slider, which the arrow keys move. A triangle marks "
    "the best epoch: most outputs right with unseen instructions, of equally good ones the "
    "first.\n\n"
    "Formulas\n\n"
    "K-Means looks for as many clusters as there are labels. How they agree with the labels:\n\n"
    "F1   every label is matched with the cluster that fits it, one to one; the mean F1 of the "
    "labels.\n"
    "pair F1   precision and recall over pairs of instances: alike by label, together by cluster.\n"
    "ARI, AMI   Rand index and mutual information, adjusted: about 0 for labels at random, 1 for "
    "full agreement.\n\n"
    "task   tasks of one category (translation, linguistic, knowledge) count as one.\n"
    "distribution   which of the tasks.\n"
    "distribution-mapping   which task and which mapping.\n\n"
    "Nearest neighbours: every fifth phrasing counts as unseen. Of the ten training instances "
    "nearest to an unseen one, the share with its task, and how often most of them have its "
    "output, where that is one token of the model's."
)

NO_RUNS = (
    "There is no training run in {folder}, nor in the folders in it.",
    "insttui clusters train --preset small --out runs/small",
    "trains a small model on synthetic tasks, in minutes on two cores, and measures "
    "how its hidden states cluster meanwhile. Its curves can be watched here as they grow.",
    "/ names another folder, r looks again, t leads back to the models.",
)
"""Paragraphs shown if there are no runs to list."""

LEGEND_LINES = 4
_HEADLINE = 2
_NOTABLE = 0.02
"""A difference of F1 that a sentence calls one."""
_ROOM_FOR_PAIRS = 100
"""Cells from which the scores of a layer have pair F1 too; tables and plots always do."""


@dataclass(frozen=True)
class Place:
    """Where the cursor is: a model's map, the instance under it, and all in the same cell."""

    side: int
    instance: int
    here: Sequence[int]


def label_names(found: TaskClusters, label: int) -> list[str]:
    """The names of a label's kinds, harmless, in the order of `kinds_of`."""
    tasks = found.tasks
    if LABELS[label] == "task":
        return [prose(name) for name in dict.fromkeys(task.identity for task in tasks)]
    if LABELS[label] == "distribution":
        return [prose(task.name) for task in tasks]
    return [
        prose(f"{task.name}: {given} → {output}")
        for task in tasks
        for given, output in task.mappings
    ]


def scatter_of(found: TaskClusters, layer: int, label: int) -> Scatter:
    """A layer's map with its points by label."""
    return Scatter(found.map[layer], kinds_of(found, label))


def headline(both: Both, label: int, sample: tuple[int, int] | None, width: int) -> list[Line]:
    """The finding in at most two lines: how clearly clusters are the label's, before and after."""
    shown = [found.scores[:, label, 0] for found in both]
    if any(np.isnan(scores).all() for scores in shown):
        said = f"All instances share one {LABELS[label]}: there is nothing to tell apart."
    else:
        layers = [best_layer(found, label) for found in both]
        base, tuned = (float(f1[layer]) for f1, layer in zip(shown, layers, strict=True))
        how = "better" if tuned - base >= _NOTABLE else "about as well"
        how = "less well" if base - tuned >= _NOTABLE else how
        said = (
            f"Hidden states cluster by {LABELS[label]} {how} after tuning: in the best layer, "
            f"{layers[1]}, F1 is {tuned:.2f}; before, in layer {layers[0]}, {base:.2f}."
        )
    if sample is not None:
        said = f"A sample, {sample[0]:,} of {sample[1]:,} instances. {said}"
    return [[(line, "strong")] for line in wrap(said, max(20, width))[:_HEADLINE]]


def status_lines(
    names: Sequence[str],
    both: Both,
    layers: Sequence[int],
    label: int,
    place: Place,
    *,
    width: int,
    ascii_only: bool = False,
) -> list[Line]:
    """Both models' scores, the instance under the cursor, how many share its cell, and a legend.

    Args:
        names: The models', harmless.
        both: Their clusters.
        layers: The layer shown of each.
        label: By which, as an index.
        place: Where the cursor is.
        width: Cells of a line.
        ascii_only: Whether text is shown in ASCII.
    """

    def plain(text: str) -> str:
        return prose(text, ascii_only=ascii_only)

    found, layer, instance = both[place.side], layers[place.side], place.instance
    kinds_named, kinds = label_names(found, label), kinds_of(found, label)
    task = found.tasks[found.task[instance]]
    given, output = task.mappings[found.mapping[instance]]
    kind = int(kinds[instance])
    here = place.here
    beside = f"{here.index(instance) + 1} of {len(here)} here  " if len(here) > 1 else ""
    said = prompt_of(task.phrasings[found.phrasing[instance]], given)
    room = max(map(cell_len, names))
    return [
        *(
            [
                (f"{pad(name, room)} · layer {at} of {len(each.scores) - 1}  ", "strong"),
                (f"by {LABELS[label]}  ", "accent"),
                (_scores(each, at, label, pairs=width >= _ROOM_FOR_PAIRS), ""),
            ]
            for name, each, at in zip(names, both, layers, strict=True)
        ),
        [
            (f"{mark_of(kind)} ", look_of(kind)),
            (plain(f"{task.name}: {given} → {output}  "), ""),
            (plain(beside + _cluster(found, layer, label, instance)), "dim"),
        ],
        [(plain(" ".join(said.split())), "")],
        *legend(kinds_named, width, ascii_only=ascii_only),
    ]


def legend(names: Sequence[str], width: int, *, ascii_only: bool = False) -> list[Line]:
    """The meaning of the letters, in at most four lines."""
    if len(names) > len(MARKS):
        return [[(f"{len(names)} mappings: the letters repeat", "dim")]]
    lines: list[list[Part]] = [[]]
    for kind, name in enumerate(names):
        entry = f"{name}  "
        if lines[-1] and width_of([*lines[-1], (f"a {entry}", "")]) > width + 2:
            lines.append([])
        lines[-1] += [
            (f"{mark_of(kind)} ", look_of(kind)),
            (prose(entry, ascii_only=ascii_only), "dim"),
        ]
    if len(lines) > LEGEND_LINES:
        lines = lines[:LEGEND_LINES]
        lines[-1].append(("...", "dim"))
    return list(lines)


def _scores(found: TaskClusters, layer: int, label: int, *, pairs: bool) -> str:
    values = found.scores[layer, label]
    if np.isnan(values).any():
        return "all instances share it"
    return "  ".join(
        f"{METRIC_NAMES[metric]} {value:.3f}"
        for metric, value in zip(METRICS, values, strict=True)
        if pairs or metric != "pair_f1"
    )


def _cluster(found: TaskClusters, layer: int, label: int, instance: int) -> str:
    """The instance's cluster, and its most common kind."""
    clusters = found.clusters[layer, label]
    members = np.flatnonzero(clusters == clusters[instance])
    kind, count = Counter(kinds_of(found, label)[members].tolist()).most_common(1)[0]
    name = label_names(found, label)[kind]
    return f"in a cluster of {len(members):,}, {count / len(members):.0%} {name}"
