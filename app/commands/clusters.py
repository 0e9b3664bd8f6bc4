"""``insttui clusters``: how hidden states cluster by task, base against tuned, as CSV."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from analysis.clustering.request import ClustersRequest
from analysis.clustering.result import TaskClusters
from analysis.clustering.tables import (
    best_layers_table,
    instances_table,
    neighbours_table,
    notes_of,
    scores_table,
)
from analysis.clustering.tasks.natural import natural_tasks
from analysis.clustering.tasks.reading import task_set_from_file
from analysis.table import Table
from app.commands import model_options, storage
from app.commands.layer_options import layers_of
from app.commands.output import write_rows
from app.commands.progress import run_with_progress
from app.config import load_settings
from app.terminal.text import prose


def run(options: Namespace) -> int:
    """Cluster both models' hidden states and write the table asked for; or train a model to."""
    if getattr(options, "action", None) == "train":
        from app.commands import clusters_train

        return clusters_train.run(options)
    tasks = task_set_from_file(Path(options.tasks)) if options.tasks else natural_tasks()
    base, tuned = model_options.pair(options, load_settings())
    found: list[TaskClusters] = []
    with storage.session(options) as session:
        for model in (base, tuned):
            request = ClustersRequest(
                model,
                tasks.tasks,
                chat_template=options.chat_template and model is tuned,
                mappings=options.mappings,
                tsne=options.tsne,
                seed=options.seed,
                neighbours=options.k,
            )
            result = run_with_progress(session, request)
            assert isinstance(result, TaskClusters)
            found.append(result)
    for note in (*tasks.notes, *notes_of(found)):
        print(f"insttui: {prose(note)}", file=sys.stderr)
    write_rows(_table(options, found), options.csv)
    return 0


def _table(options: Namespace, found: Sequence[TaskClusters]) -> Table:
    if options.summary:
        return best_layers_table(found)
    if options.neighbours:
        return neighbours_table(found)
    if options.instances:
        layers = None
        if options.layers is not None:
            layers = layers_of(options.layers, min(len(each.scores) for each in found))
        return instances_table(found, layers)
    return scores_table(found)
