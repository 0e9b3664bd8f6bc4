"""What ``insttui clusters`` and ``insttui clusters train`` are told."""

from __future__ import annotations

import argparse

from app.arguments.options import add_csv, add_model_options, add_pair
from app.arguments.values import layers, positive, seed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``insttui clusters``."""
    add_pair(parser)
    parser.add_argument(
        "--tasks",
        metavar="FILE",
        help="tasks of your own: TOML, or JSON lines in a .jsonl; default: the sixteen shipped",
    )
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
    add_csv(parser)
    add_model_options(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    summary = "train a small model on synthetic tasks and follow its clusters"
    description = f"{summary.capitalize()}."
    _add_clusters_train(actions.add_parser("train", help=summary, description=description))


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
        "--device", default=argparse.SUPPRESS, metavar="DEVICE", help="auto, cpu, cuda:N or mps"
    )
