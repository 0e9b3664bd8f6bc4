"""What ``insttui components`` and the study of components are told."""

from __future__ import annotations

import argparse

from app.arguments.options import add_csv, add_model_options, add_pair
from app.arguments.values import positive, seed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``insttui components``."""
    add_pair(parser)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--summary", action="store_true", help="overlaps of categories, and what tuning altered"
    )
    kind.add_argument(
        "--ablate",
        action="store_true",
        help="what silencing the neurons unique to a category does to the tuned model's "
        "log-probability of reference responses, beside random neurons",
    )
    add_component_options(parser)
    add_csv(parser)
    add_model_options(parser)


def add_component_options(parser: argparse.ArgumentParser) -> None:
    """What the command and the study have in common; thresholds have their defaults there."""
    parser.add_argument(
        "--prompts",
        metavar="FILE",
        help="instructions of your own: JSON lines with id, category, instruction, response and, "
        "if there is one, input; default: those shipped",
    )
    parser.add_argument(
        "--epsilon",
        type=float,
        metavar="E",
        help="a neuron is specific to an instruction where it is active at this share of its "
        "tokens, in steps of 0.05 (default: 0.5, our reading)",
    )
    parser.add_argument(
        "--tau",
        type=float,
        metavar="T",
        help="and a category's where it is specific to this share of its instructions "
        "(default: 0.75, our reading)",
    )
    parser.add_argument(
        "--expert-epsilon",
        type=float,
        metavar="E",
        help="the share of tokens routed to an expert, in steps of 0.01 (default: 0.25, our "
        "reading)",
    )
    parser.add_argument(
        "--branch",
        choices=("gate", "product"),
        default="gate",
        help="the activation of a gated network: what leaves the activation function, or that "
        "times the up branch",
    )
    parser.add_argument(
        "--random-sets", type=positive, default=5, metavar="N", help="to compare with a set"
    )
    parser.add_argument(
        "--matched",
        choices=("layer", "activity"),
        default="layer",
        help="random sets are as large in every layer, or also about as often active on the "
        "category's instructions (both our reading)",
    )
    parser.add_argument(
        "--seed", type=seed, default=0, metavar="N", help="of random sets and intervals"
    )
