"""What the scripted session answers about task clusters: clearer ones in higher layers."""

from __future__ import annotations

import numpy as np

from analysis.clustering.request import ClustersRequest
from analysis.clustering.result import TaskClusters
from analysis.clustering.tasks.task_set import LABELS, ClusterTask
from analysis.clustering.training.settings import DataSettings, RunSettings, TrainingSettings

LAYERS = 4
TASKS = (
    ClusterTask("numbers", ("Count.", "Say how many."), (("ant", "one"), ("bee", "two")), "maths"),
    ClusterTask("sums", ("Add.", "Sum up."), (("one", "two"), ("two", "four")), "maths"),
    ClusterTask("colours", ("Name the colour.",), (("snow", "white"), ("coal", "black"))),
)


def task_clusters(request: ClustersRequest) -> TaskClusters:
    """The instances of `TASKS`; the tuned model's best layer is 3, the base model's 2.

    Task F1 of layer l is 0.2 + 0.1 · l, and 0.1 more for a tuned model, less 0.15 in layer 3 of a
    base model; pair F1 and the adjusted scores are that less 0.2, 0.1 and 0.05, other labels' 0.01
    and 0.02 less.
    """
    tuned = "tuned" in request.model.name
    places = [
        (number, phrasing, mapping)
        for number, task in enumerate(TASKS)
        for phrasing in range(len(task.phrasings))
        for mapping in range(len(task.mappings))
    ]
    task, phrasing, mapping = np.array(places, dtype=np.int32).T
    f1 = 0.2 + 0.1 * np.arange(LAYERS) + 0.1 * tuned
    if not tuned:
        f1[3] -= 0.15
    scores = (
        f1[:, None, None]
        - 0.01 * np.arange(len(LABELS))[None, :, None]
        - np.array([0.0, 0.2, 0.1, 0.05])[None, None]
    )
    clusters = np.zeros((LAYERS, len(LABELS), len(task)), dtype=np.int32)
    clusters[:, 0] = task == 2
    clusters[:, 1] = task
    clusters[:, 2] = 2 * task + mapping
    angles = 2 * np.pi * task / 3
    map_ = np.stack([np.cos(angles) + 0.1 * mapping, np.sin(angles) + 0.1 * phrasing], axis=1)
    spread = np.arange(1, LAYERS + 1)[:, None, None]
    unseen = np.equal(phrasing, 1)
    by_instance = (LAYERS, int(unseen.sum()))
    return TaskClusters(
        model=request.model.name,
        tasks=TASKS,
        task=task,
        phrasing=phrasing,
        mapping=mapping,
        unseen=unseen,
        one_token=np.ones(len(task), dtype=np.bool_),
        scores=scores,
        clusters=clusters,
        map=(spread * map_).astype(np.float32),
        neighbours=2,
        neighbour_share=np.linspace(0.5, 0.9, LAYERS),
        neighbour_accuracy=np.linspace(0.4, 0.8, LAYERS) + 0.1 * tuned,
        neighbours_of_task=np.ones(by_instance, dtype=np.int32),
        output_predicted=np.ones(by_instance, dtype=np.bool_),
        tsne=request.tsne,
        notes=("Outputs of several tokens: seventy-seven (sums).",),
        seconds=0.1,
        device="cpu",
        dtype="float32",
    )


TINY = RunSettings(
    preset="tiny",
    seed=3,
    data=DataSettings(
        tasks=4,
        mappings=3,
        task_symbols=8,
        max_distributions=2,
        min_metacharacters=2,
        max_characters=4,
        draws=200,
        fewest_instructions=10,
        hard_tasks=1,
        subset_tasks=2,
        validation_tasks=2,
    ),
    training=TrainingSettings(
        hidden=16,
        feed_forward=32,
        layers=2,
        heads=2,
        rate=3e-3,
        epochs=4,
        batch=16,
        evaluate_every=2,
        neighbours=5,
    ),
)
