"""``insttui changes``: what tuning changed in every matrix, as CSV."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.commands.options import (
    add_model_options,
    add_output,
    add_pair,
    add_sharing,
    add_vocab,
    layers,
    positive,
)

if TYPE_CHECKING:
    from analysis.session.drive import Answerer
    from analysis.studies.series import Step
    from app.config import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--summary",
        action="store_true",
        help="one row a tensor: how much it changed, and in how many directions",
    )
    parser.add_argument(
        "--rank", type=positive, default=16, metavar="R", help="directions of a matrix"
    )
    parser.add_argument(
        "--words", type=positive, default=10, metavar="K", help="at either end of a direction"
    )
    add_pair(parser, series=True)
    parser.add_argument(
        "--layers",
        type=layers,
        default=None,
        metavar="LIST",
        help="such as 0,3-5; default: all, and the embeddings",
    )
    add_output(parser, document="all that is known of every matrix")
    parser.add_argument(
        "--out", metavar="DIR", help="of a series: write a report, its tables and its curves"
    )
    add_vocab(parser)
    add_model_options(parser)
    add_sharing(parser)


def run(options: argparse.Namespace) -> int:
    """Compare the chosen layers, and write their changes."""
    from analysis.changes.request import OUTSIDE, change_asks
    from analysis.changes.tables import as_json, directions_table, tensors_table
    from analysis.problems import problem
    from app.commands import inputs
    from app.commands.output import say, write_table
    from app.commands.session import answers, architecture, workers
    from app.config import load_settings

    settings = load_settings()
    if options.series:
        return _along(options, settings)
    if options.out:
        raise problem(
            "input",
            "--out would change nothing here.",
            "A report is made of the steps of --series.",
            "Leave out --out; --csv and --json name files.",
        )
    pair = inputs.pair(options, settings)
    words, _ = inputs.words_and_vectors(options, settings, *pair)
    with workers(options) as opened:
        built = architecture(opened, *pair)
        asked = inputs.layers_of(options.layers, built.layers)
        if options.layers is None:
            asked.append(OUTSIDE)
        asks = change_asks(pair, asked, words, options.rank, options.words)
        found = [layer for (layer,) in answers(opened, asks)]
    say(*dict.fromkeys(note for each in found for note in each.notes))
    if all(each.unchanged for each in found):
        say(f"Nothing changed: the weights of {pair[0].name} and {pair[1].name} are equal.")
    table = (tensors_table if options.summary else directions_table)(found)
    write_table(table, options, lambda: as_json(found))
    return 0


def _along(options: argparse.Namespace, settings: Settings) -> int:
    """Compare every step of a training run, and write the rows by step."""
    from pathlib import Path

    from analysis.changes.along import along
    from analysis.changes.request import OUTSIDE
    from analysis.changes.study import DIRECTIONS, TENSORS
    from analysis.studies.report import check_report_place, write_report
    from app.commands import inputs
    from app.commands.output import say, write_table
    from app.commands.session import workers
    from app.commands.study_progress import follow

    def layers(count: int) -> list[int]:
        outside = [OUTSIDE] if options.layers is None else []
        return inputs.layers_of(options.layers, count) + outside

    if options.out:
        check_report_place("changes", Path(options.out))
    with workers(options) as opened:
        found = follow(along(_steps(options, settings, opened), layers))
    findings = found.findings
    say(*findings.notes)
    if options.out:
        say(f"wrote {write_report(findings, Path(options.out))}")
    wanted = TENSORS if options.summary else DIRECTIONS
    named = next(each for each in findings.tables if each.name == wanted)
    write_table(named.table, options, found.as_json)
    return 0


def _steps(options: argparse.Namespace, settings: Settings, opened: Answerer) -> list[Step]:
    from analysis.changes.study import ChangesInput
    from analysis.studies.series import Step
    from app.commands import inputs
    from app.commands.series import each_step

    steps = []
    for each, _, pair in each_step(options, settings):
        words, _ = inputs.words_and_vectors(options, settings, *pair)
        given = ChangesInput(opened, *pair, words, rank=options.rank, top=options.words)
        steps.append(Step(each.step, given))
    return steps
