"""Table 1 of the paper on clustering: how hidden states cluster by task, base against tuned.

The natural setting of METHODS 5: sixteen tasks, about 50 phrasings each, ten mappings per task; or
tasks of the user's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import partial

import numpy as np
from msgspec.structs import replace

from analysis.clustering.request import clusters_ask
from analysis.clustering.result import METRIC_NAMES, METRICS, TaskClusters
from analysis.clustering.study_data import cluster_data
from analysis.clustering.tables import (
    best_layer,
    best_layers_table,
    neighbours_table,
    notes_of,
    scores_table,
)
from analysis.clustering.tasks.natural import natural_tasks
from analysis.clustering.tasks.task_set import LABELS, TaskSet
from analysis.events import Progress
from analysis.request import Ask
from analysis.session.drive import Asker
from analysis.studies.findings import Figure, Findings, NamedTable, Series
from analysis.studies.outlook import Outlook
from analysis.studies.parameters import model_parameters, precision_of
from analysis.studies.sentences import differ_over_layers, mean_in_words, trend
from analysis.studies.study import PairInput, Study

_F1 = METRICS.index("f1")


@dataclass(frozen=True)
class ClustersInput(PairInput):
    """A pair of models, and how their states are clustered: see `ClustersRequest`."""

    _: KW_ONLY
    tasks: TaskSet = field(default_factory=natural_tasks)
    mappings: int = 10
    tsne: bool = False
    seed: int = 0
    neighbours: int = 10
    chat_template: bool = False


def outlook(given: ClustersInput) -> Outlook:
    """How far the study is."""
    return Outlook.of_asks(given.session, [_ask(given)])


def _ask(given: ClustersInput) -> Ask[TaskClusters]:
    return clusters_ask(
        given.pair,
        given.tasks.tasks,
        chat_template=given.chat_template,
        mappings=given.mappings,
        tsne=given.tsne,
        seed=given.seed,
        neighbours=given.neighbours,
    )


def study(given: ClustersInput) -> Study:
    """Scores of both models by layer and at the layer with the best task F1, and neighbours."""
    asker = Asker(given.session)
    found: list[TaskClusters] = []
    ask = _ask(given)
    yield from asker.ahead("clustering", ask.requests)
    for request in ask.requests:
        (model,) = request.models()
        step = Progress(f"clustering {model.name}", 0, None, model.name)
        found.append((yield from asker.answer(request, step, partial(_of_model, model.name))))
    instances, first = len(found[0].task), found[0]
    return Findings(
        study="clusters",
        title="Hidden states cluster by task",
        statements=(*_over_layers(found), *_best(found), *_by_layer(found), *_neighbours(found)),
        tables=(
            NamedTable(
                "best",
                "The layer with the best task F1 (Table 1)",
                best_layers_table(found),
                opens="clusters",
                note="Tasks of one category share an identity; a distribution is one of the "
                "tasks. F1 is the mean over labels, each matched with one cluster; pair F1 "
                "is over pairs of instances.",
            ),
            NamedTable("layers", "Scores of every layer", scores_table(found), opens="clusters"),
            NamedTable(
                "neighbours",
                "Nearest training instances of unseen ones",
                neighbours_table(found),
                opens="clusters",
                note="Every fifth phrasing of a task is unseen. Of its k nearest training "
                "instances: the share that has its task, and how often they predict its output, "
                "all outputs of one token.",
            ),
        ),
        figures=(
            *(_scores_figure(found, label) for label in range(len(LABELS))),
            _neighbours_figure(found),
        ),
        data=cluster_data(found),
        parameters={
            **model_parameters(given.base, given.tuned, [precision_of([each]) for each in found]),
            "tasks": len(first.tasks),
            "instances": instances,
            "tasks from": given.tasks.name,
            "mappings of a task": given.mappings,
            "neighbours": first.neighbours,
            "t-SNE": first.tsne,
            "seed": given.seed,
            "chat template of the tuned model": given.chat_template,
        },
        notes=(*given.tasks.notes, *notes_of(found), *asker.notes),
    )


def _of_model(name: str, progress: Progress) -> Progress:
    return replace(progress, stage=f"{name}: {progress.stage}")


def _best(found: Sequence[TaskClusters]) -> tuple[str, ...]:
    sentences = []
    for each in found:
        layer = best_layer(each)
        values = "; ".join(
            f"{label} " + ", ".join(_named(scores)) for label, scores in _labelled(each, layer)
        )
        sentences.append(f"{each.model} tells tasks apart best in layer {layer}: {values}.")
    first, second = (float(each.scores[best_layer(each), 0, _F1]) for each in found)
    sentences.append(
        f"Best task F1: {found[0].model} {first:.3f}, {found[1].model} {second:.3f} "
        f"({second - first:+.3f})."
    )
    return tuple(sentences)


def _by_layer(found: Sequence[TaskClusters]) -> tuple[str, ...]:
    """Whether any layer beats the embeddings, the paper's baseline."""
    sentences = []
    for each in found:
        f1 = each.scores[:, 0, _F1]
        sentences += [
            f"{each.model}: task F1 is {f1[0]:.3f} at the embeddings, from {f1[1:].min():.3f} to "
            f"{f1[1:].max():.3f} above them.",
            trend(f"the task F1 of {each.model}", _line(each.model, f1.tolist())),
        ]
    return tuple(sentences)


def _over_layers(found: Sequence[TaskClusters]) -> tuple[str, ...]:
    """Whether tuning moved the scores of the layers above the embeddings, by label."""
    sentences = []
    for number, label in enumerate(LABELS):
        base, tuned = (each.scores[1:, number, _F1].tolist() for each in found)
        if len(base) != len(tuned) or np.isnan([*base, *tuned]).any():
            continue
        begin = (
            f"{label[:1].upper()}{label[1:]} F1 above the embeddings: {mean_in_words(tuned, 3)} in "
            f"{found[1].model} against {mean_in_words(base, 3)} in {found[0].model}"
        )
        what = f"{label} F1 above the embeddings"
        sentences.append(differ_over_layers(begin, what, base, tuned))
    return tuple(sentences)


def _neighbours(found: Sequence[TaskClusters]) -> tuple[str, ...]:
    sentences = []
    for each in found:
        if not each.neighbours:
            continue
        said = (
            f"{each.model}: of the {each.neighbours} nearest training instances of an unseen "
            f"one, {each.neighbour_share[-1]:.1%} have its task in the last layer, "
            f"{each.neighbour_share[0]:.1%} at the embeddings"
        )
        if not np.isnan(each.neighbour_accuracy).all():
            layer = int(np.nanargmax(each.neighbour_accuracy))
            said += (
                f"; they predict its output best in layer {layer}, "
                f"{each.neighbour_accuracy[layer]:.1%} of the time, and "
                f"{each.neighbour_accuracy[0]:.1%} at the embeddings"
            )
        sentences.append(f"{said}.")
    return tuple(sentences)


def _labelled(found: TaskClusters, layer: int) -> list[tuple[str, list[float]]]:
    return list(zip(LABELS, found.scores[layer].tolist(), strict=True))


def _named(values: Sequence[float]) -> list[str]:
    names = [METRIC_NAMES[metric] for metric in METRICS]
    return [f"{name} {value:.3f}" for name, value in zip(names, values, strict=True)]


def _scores_figure(found: Sequence[TaskClusters], label: int) -> Figure:
    return Figure(
        f"{LABELS[label]}-f1",
        f"F1 of clusters by {LABELS[label]}, by layer",
        "layer (0: embeddings)",
        "matched F1",
        tuple(_line(each.model, each.scores[:, label, _F1].tolist()) for each in found),
    )


def _neighbours_figure(found: Sequence[TaskClusters]) -> Figure:
    return Figure(
        "neighbours",
        "Outputs of unseen instances predicted from nearest training instances, by layer",
        "layer (0: embeddings)",
        "accuracy",
        tuple(
            _line(
                each.model, [None if np.isnan(v) else v for v in each.neighbour_accuracy.tolist()]
            )
            for each in found
        ),
    )


def _line(name: str, values: Sequence[float | None]) -> Series:
    return Series(name, tuple(range(len(values))), tuple(values))
