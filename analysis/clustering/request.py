"""What can be asked of hidden states: how they cluster by task (METHODS 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.clustering.tasks.task_set import ClusterTask
from analysis.request import ModelChoice, Request

if TYPE_CHECKING:
    from analysis.clustering.result import TaskClusters


class ClustersRequest(Request["TaskClusters"], frozen=True, tag="clusters"):
    """How a model's hidden states cluster by task (METHODS 5); answered by `TaskClusters`.

    Attributes:
        model: Whose hidden states.
        tasks: What is asked: every phrasing of a task with each of its mappings is an instance.
        chat_template: Wrap every instance in the model's chat template; the states are then those
            at the template's last token, which predicts the output.
        mappings: At most so many of each task, the first whose output is one token.
        tsne: Reduce the states by t-SNE before they are clustered.
        seed: Of K-Means and t-SNE.
        neighbours: K, the nearest training instances of an unseen one.
    """

    analysis = "task clusters"
    version = 3
    function = "analysis.clustering.compute.task_clusters:task_clusters"
    result = "analysis.clustering.result:TaskClusters"

    model: ModelChoice
    tasks: tuple[ClusterTask, ...]
    chat_template: bool = False
    mappings: int = 10
    tsne: bool = False
    seed: int = 0
    neighbours: int = 10
