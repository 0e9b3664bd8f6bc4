"""``insttui clusters``: how hidden states cluster by task, base against tuned, as CSV."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from analysis.clustering.gather import clusters_ask
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
from app.commands.output import write_rows
from app.commands.progress import answers
from app.config import load_settings
from app.terminal.text import prose


def run(options: Namespace) -> int:
    """Cluster both models' hidden states and write the table asked for; or train a model to."""
    if getattr(options, "action", None) == "train":
        from app.commands import clusters_train

        return clusters_train.run(options)
    tasks = task_set_from_file(Path(options.tasks)) if options.tasks else natural_tasks()
    ask = clusters_ask(
        model_options.pair(options, load_settings()),
        tasks.tasks,
        chat_template=options.chat_template,
        mappings=options.mappings,
        tsne=options.tsne,
        seed=options.seed,
        neighbours=options.k,
    )
    with storage.session(options) as session:
        (found,) = answers(session, [ask])
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
            layers = model_options.layers_of(
                options.layers, min(len(each.scores) for each in found)
            )
        return instances_table(found, layers)
    return scores_table(found)
