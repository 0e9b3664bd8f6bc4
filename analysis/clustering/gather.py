"""What is asked about how the hidden states of a pair of models cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analysis.clustering.request import ClustersRequest
from analysis.clustering.tasks.task_set import ClusterTask
from analysis.request import Ask, ModelChoice

if TYPE_CHECKING:
    from analysis.clustering.result import TaskClusters


def clusters_ask(
    base: ModelChoice,
    tuned: ModelChoice,
    tasks: Sequence[ClusterTask],
    *,
    chat_template: bool = False,
    **settings: Any,
) -> Ask[TaskClusters]:
    """Both models' clusters, base before tuned; the chat template is the tuned model's alone.

    Args:
        base: The base model.
        tuned: The tuned model.
        tasks: What both are asked.
        chat_template: Wrap every instance in the tuned model's chat template.
        settings: Other fields of `ClustersRequest`.
    """
    return Ask(
        "both models",
        tuple(
            ClustersRequest(model, tuple(tasks), chat_template=template, **settings)
            for model, template in ((base, False), (tuned, chat_template))
        ),
    )
