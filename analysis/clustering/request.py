"""Requests about hidden states: how they cluster by task (METHODS 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.clustering.tasks.task_set import ClusterTask, instances_in
from analysis.request import Ask, ModelChoice, Pair, Request

if TYPE_CHECKING:
    from analysis.clustering.result import TaskClusters


class ClustersRequest(Request["TaskClusters"], frozen=True, tag="clusters"):
    """How a model's hidden states cluster by task (METHODS 5); answered by `TaskClusters`.

    Attributes:
        model: The model.
        tasks: The tasks; every phrasing with every mapping is an instance.
        chat_template: Wrap every instance in the model's chat template; the states are then those
            at the template's last token, which predicts the output.
        mappings: Maximum number per task; the first ones are taken.
        tsne: Reduce the states by t-SNE before clustering.
        seed: For K-Means and t-SNE.
        neighbours: K, the number of nearest training instances of an unseen one.
    """

    analysis = "task clusters"
    version = 4
    function = "analysis.clustering.compute.task_clusters:task_clusters"
    result = "analysis.clustering.result:TaskClusters"

    model: ModelChoice
    tasks: tuple[ClusterTask, ...]
    chat_template: bool = False
    mappings: int = 10
    tsne: bool = False
    seed: int = 0
    neighbours: int = 10

    @property
    def instances(self) -> int:
        """How many there are."""
        return instances_in(self.tasks, self.mappings)


def clusters_ask(
    pair: Pair, tasks: tuple[ClusterTask, ...], *, chat_template: bool = False, **settings: Any
) -> Ask[TaskClusters]:
    """Both models' clusters, base before tuned; the chat template is the tuned model's alone."""
    base, tuned = pair
    of_base = ClustersRequest(base, tasks, **settings)
    of_tuned = ClustersRequest(tuned, tasks, chat_template=chat_template, **settings)
    return Ask("both models", (of_base, of_tuned))
