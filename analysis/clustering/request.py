"""Requests about hidden states: how they cluster by task (METHODS 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from analysis.clustering.tasks.task_set import ClusterTask, instances_in
from analysis.request import Ask, ModelChoice, Pair, Request

if TYPE_CHECKING:
    from analysis.clustering.result import TaskClusters

_PARTS = 4


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

    def layers(self, count: int) -> range:
        """Which of a model's layers, of `count` with the embeddings, are clustered."""
        return range(count)

    def parts(self) -> tuple[ClustersRequest, ...]:
        """A few layers each: every one is clustered by itself."""
        return tuple(
            ClustersPartRequest(**asdict(self), part=part, of=_PARTS) for part in range(_PARTS)
        )

    def joined(self, answers: Sequence[TaskClusters]) -> TaskClusters:
        from analysis.clustering.result import joined

        return joined(answers)


class ClustersPartRequest(ClustersRequest, frozen=True, tag="clusters of some layers"):
    """The same of a share of the layers alone; the answer's first layer is the first of those.

    Attributes:
        part: Which share, from 0 on.
        of: How many there are.
    """

    analysis = "task clusters of some layers"

    part: int = 0
    of: int = 1

    def layers(self, count: int) -> range:
        return range(count * self.part // self.of, count * (self.part + 1) // self.of)

    def parts(self) -> tuple[ClustersRequest, ...]:
        return ()


def clusters_ask(
    pair: Pair, tasks: tuple[ClusterTask, ...], *, chat_template: bool = False, **settings: Any
) -> Ask[TaskClusters]:
    """Both models' clusters, base before tuned; the chat template is the tuned model's alone."""
    base, tuned = pair
    of_base = ClustersRequest(base, tasks, **settings)
    of_tuned = ClustersRequest(tuned, tasks, chat_template=chat_template, **settings)
    return Ask("both models", (of_base, of_tuned))
