"""``insttui clusters``: how hidden states cluster by task, base against tuned, as CSV."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.commands.options import add_model_options, add_output, add_pair, layers, positive, seed

if TYPE_CHECKING:
    from analysis.clustering.result import TaskClusters
    from analysis.table import Table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_pair(parser)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--summary", action="store_true", help="one row a model: the layer with the best task F1"
    )
    kind.add_argument(
        "--neighbours", action="store_true", help="what nearest neighbours say of unseen phrasings"
    )
    kind.add_argument(
        "--instances", action="store_true", help="one row an instance, with its clusters"
    )
    parser.add_argument(
        "--layers",
        type=layers,
        default=None,
        metavar="LIST",
        help="of --instances, such as 0,3-5; default: each model's best",
    )
    _add_shared(parser)
    add_output(parser)
    add_model_options(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    summary = "train a small model on synthetic tasks and follow its clusters"
    description = f"{summary.capitalize()}."
    _add_clusters_train(actions.add_parser("train", help=summary, description=description))


def add_study_options(parser: argparse.ArgumentParser) -> None:
    """The study's own options: on which tasks, and how states are clustered."""
    _add_shared(parser)
    parser.set_defaults(settle=settled)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tasks",
        metavar="FILE",
        help="tasks of your own: TOML, or JSON lines in a .jsonl; default: the sixteen shipped",
    )
    parser.add_argument("--tsne", action="store_true", help="reduce by t-SNE first (slow)")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of K-Means and t-SNE")
    parser.add_argument(
        "--k", type=positive, default=10, metavar="K", help="number of nearest neighbours"
    )
    parser.add_argument(
        "--mappings", type=positive, default=10, metavar="N", help="of each task at most"
    )
    parser.add_argument(
        "--chat-template",
        action="store_true",
        help="put the tuned model's instances into its chat template",
    )


def settled(options: argparse.Namespace) -> dict[str, Any]:
    """What was chosen, by the names of `analysis.clustering.study.ClustersInput`.

    Raises ProblemError for an unusable file of tasks.
    """
    from pathlib import Path

    from analysis.clustering.tasks.natural import natural_tasks
    from analysis.clustering.tasks.reading import task_set_from_file

    names = ("chat_template", "mappings", "tsne", "seed")
    return {
        "tasks": task_set_from_file(Path(options.tasks)) if options.tasks else natural_tasks(),
        "neighbours": options.k,
        **{name: getattr(options, name) for name in names},
    }


def _add_clusters_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--preset",
        required=True,
        choices=("small", "paper-32", "paper-768", "paper-2048"),
        help="small takes minutes on two cores; the others are the paper's settings, for a GPU",
    )
    parser.add_argument(
        "--out",
        required=True,
        metavar="DIR",
        help="a folder for the run; named again, an unfinished run goes on",
    )
    # SUPPRESS: the defaults are those of `insttui clusters`.
    parser.add_argument("--seed", type=seed, default=argparse.SUPPRESS, metavar="N")
    parser.add_argument(
        "--tsne",
        action="store_true",
        default=argparse.SUPPRESS,
        help="reduce by t-SNE before clustering (slow: every layer of every measured epoch)",
    )
    parser.add_argument(
        "--device", default=argparse.SUPPRESS, metavar="DEVICE", help="auto, cpu, cuda:N or mps"
    )


def run(options: argparse.Namespace) -> int:
    """Cluster both models' hidden states and write the chosen table, or train a small model."""
    if getattr(options, "action", None) == "train":
        from app.commands import clusters_train

        return clusters_train.run(options)
    from analysis.clustering import tables
    from analysis.clustering.request import clusters_ask
    from app.commands import inputs
    from app.commands.output import say, write_table
    from app.commands.session import answers, session
    from app.config import load_settings

    chosen = settled(options)
    tasks = chosen.pop("tasks")
    ask = clusters_ask(inputs.pair(options, load_settings()), tasks.tasks, **chosen)
    with session(options) as opened:
        (found,) = answers(opened, [ask])
    say(*tasks.notes, *tables.notes_of(found))
    write_table(_table(options, found), options)
    return 0


def _table(options: argparse.Namespace, found: Sequence[TaskClusters]) -> Table:
    from analysis.clustering import tables
    from app.commands.inputs import layers_of

    if options.summary:
        return tables.best_layers_table(found)
    if options.neighbours:
        return tables.neighbours_table(found)
    if options.instances:
        layers = None
        if options.layers is not None:
            layers = layers_of(options.layers, min(len(each.scores) for each in found))
        return tables.instances_table(found, layers)
    return tables.scores_table(found)
