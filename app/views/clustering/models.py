"""The two models' clusters: the tasks they are asked on, the request, and the plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from analysis.clustering.request import ClustersRequest, clusters_ask
from analysis.clustering.result import METRIC_NAMES, METRICS, TaskClusters
from analysis.clustering.tasks.natural import natural_tasks
from analysis.clustering.tasks.reading import task_set_from_file
from analysis.clustering.tasks.task_set import LABELS, TaskSet
from analysis.request import Ask
from app.jobs.pair_jobs import PairJobs
from app.widgets.file_bar import FileBar
from app.widgets.line_drawing import PlotData, Series

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from analysis.session.drive import Answerer
    from app.workspace import PairWorkspace

Both = tuple[TaskClusters, TaskClusters]
"""The clusters of the base and the tuned model."""

PlotKind = Literal["f1", "pair_f1", "ari", "ami", "neighbours"]
PLOTS: tuple[PlotKind, ...] = ("f1", "pair_f1", "ari", "ami", "neighbours")
_NATURAL = "natural"
_PHRASINGS, _MAPPINGS = 5, 5
"""Of each task in a sample; the fifth phrasing is unseen."""


class TasksBar(FileBar[TaskSet]):
    """Reads a set of tasks; an invalid task is an error, never skipped."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(f"tasks: a .toml or .jsonl file, or {_NATURAL}", id=id)

    def _shipped(self, name: str) -> TaskSet | None:
        return natural_tasks() if name == _NATURAL else None

    def _read(self, path: Path, *, skip: bool) -> TaskSet:
        return task_set_from_file(path)

    def _amount(self, content: TaskSet) -> str:
        return f"{len(content.tasks):,} tasks"


class ClusterJobs(PairJobs):
    """Models of any shape can be compared, as wholes: there are no parts."""

    def __init__(
        self,
        workspace: PairWorkspace,
        session: Answerer,
        listener: MessagePump,
        tasks: TaskSet,
    ) -> None:
        """Args: the models; where to submit; what receives `Watch.Changed`; the tasks."""
        super().__init__(workspace, session, listener, clusters_ask(workspace.pair, tasks.tasks))
        self.task_set = tasks
        if tasks.sampled(_PHRASINGS, _MAPPINGS).tasks != tasks.tasks:
            self.sample = self._jobs(self.sampled())

    def planned(self) -> list[Ask[TaskClusters]]:
        return [clusters_ask(self._workspace.pair, self.task_set.tasks)]

    def sampled(self) -> list[Ask[TaskClusters]]:
        few = self.task_set.sampled(_PHRASINGS, _MAPPINGS)
        return [clusters_ask(self._workspace.pair, few.tasks)]

    @property
    def found(self) -> Both | None:
        """The clusters of base and tuned model, of a sample at first; None until both are there."""
        return self.whole.both(0) or (None if self.sample is None else self.sample.both(0))

    @property
    def of_sample(self) -> tuple[int, int] | None:
        """How many instances of how many `found` is about; None if that is all of them."""
        if self.found is None or self.alike:
            return None
        (ask,) = self.planned()
        (first, *_) = ask.requests
        assert isinstance(first, ClustersRequest)
        return len(self.found[0].task), first.instances

    @property
    def alike(self) -> bool:
        """Whether the clusters of all instances are there."""
        return self.whole.both(0) is not None

    def words(self) -> str:
        """Text in place of the map, in paragraphs."""
        count = len(self.task_set.tasks)
        return self.whole.ended() or (
            "Clustering the hidden states of both models on "
            f"{count:,} task{'' if count == 1 else 's'} ({self.task_set.name}).\n\n"
            "It takes a minute or more for a model, and is then kept."
        )


def plot_of(both: Both, names: Sequence[str], kind: PlotKind, label: int, layer: int) -> PlotData:
    """A measure of both models, by layer; clusters are compared with a label, by its index.

    The layer is marked.
    """
    series: list[Series] = []
    for name, each in zip(names, both, strict=True):
        layers = np.arange(len(each.scores))
        if kind == "neighbours":
            series.append(Series(f"{name}, share", layers, each.neighbour_share))
            series.append(Series(f"{name}, accuracy", layers, each.neighbour_accuracy))
        else:
            series.append(Series(name, layers, each.scores[:, label, METRICS.index(kind)]))
    if kind == "neighbours":
        title = f"{both[0].neighbours} nearest neighbours of unseen instances, by layer"
    else:
        title = f"{METRIC_NAMES[kind]} by {LABELS[label]}, by layer"
    return PlotData(title, tuple(series), mark=layer)
