"""Requests about how the hidden states of a pair of models cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.clustering.request import ClustersRequest
from analysis.clustering.tasks.task_set import ClusterTask
from analysis.request import Ask, Pair

if TYPE_CHECKING:
    from analysis.clustering.result import TaskClusters


def clusters_ask(
    pair: Pair, tasks: tuple[ClusterTask, ...], *, chat_template: bool = False, **settings: Any
) -> Ask[TaskClusters]:
    """Ask for both models' clusters, base before tuned.

    Args:
        pair: Base and tuned model.
        tasks: The tasks for both.
        chat_template: Wrap every instance in the tuned model's chat template, for that model only.
        settings: Other fields of `ClustersRequest`.
    """
    base, tuned = pair
    of_base = ClustersRequest(base, tasks, **settings)
    of_tuned = ClustersRequest(tuned, tasks, chat_template=chat_template, **settings)
    return Ask("both models", (of_base, of_tuned))
