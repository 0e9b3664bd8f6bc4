"""``insttui report``: what tuning changed, all studies on one page with tables and figures."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.commands.case_options import add_case_options
from app.commands.exit_status import ExitStatus
from app.commands.options import add_model_options, add_pair, add_sharing, add_word_options

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from analysis.request import ModelChoice, Request
    from analysis.session.drive import Answerer, Asking
    from analysis.studies.overview import Overview, Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", metavar="DIR", required=True, help="report.html, report.md, and a folder a study"
    )
    parser.add_argument(
        "--only", type=_sections, metavar="LIST", help=f"these sections alone, of {_names()}"
    )
    parser.add_argument("--skip", type=_sections, default=(), metavar="LIST", help="without these")
    add_pair(parser, series=True)
    add_case_options(parser)
    add_word_options(parser)
    add_model_options(parser)
    add_sharing(parser)
    parser.epilog = (
        "What a study found before is not computed again, and what stops goes on from there. A "
        "section that is not for these models says why. Exit status: 1 if a section failed."
    )


def _names() -> str:
    # Names only: what a study works with is imported when it runs.
    from analysis.methods import CHANGES_ALONG, studies

    return ", ".join(each.name for each in (CHANGES_ALONG, *studies()))


def _sections(text: str) -> tuple[str, ...]:
    """Names of sections, from a list such as heads,concepts."""
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    known = _names().split(", ")
    if not set(found) <= set(known):
        raise argparse.ArgumentTypeError(f"must be a list out of {', '.join(known)}")
    return found


def run(options: argparse.Namespace) -> int:
    """Make every section, write its report, and then the page."""
    from pathlib import Path

    from app.commands.output import say
    from app.commands.report_input import demo_models, models_of, planned
    from app.commands.session import workers
    from app.config import load_settings

    settings = load_settings()
    folder = Path(options.out).expanduser()
    models = models_of(options, settings)
    asked = planned(options, settings, demo=demo_models(models))
    with workers(options) as opened:
        plans = [each(opened) for each in asked]
        _check_places(plans, folder)
        _say_costs(plans)
        try:
            overview = _made(plans, models, opened, folder)
        except KeyboardInterrupt:
            say("Stopped. The same command goes on from here.")
            raise
    return _written(overview, folder)


def _written(overview: Overview, folder: Path) -> int:
    """Write the page, and say what is not on it."""
    # Imported here: only a report needs to draw.
    from analysis.studies.overview_page import write_overview
    from app.commands.output import say

    say(f"wrote {write_overview(overview, folder)}")
    for each in overview.sections:
        if each.findings is None:
            say(f"{each.study}: {each.sentence}")
    if overview.failed:
        return ExitStatus.PROBLEM
    return ExitStatus.OK if overview.found else ExitStatus.INPUT


def _check_places(plans: list[Plan], folder: Path) -> None:
    """Raise ProblemError if anything in the folder is in the way."""
    from analysis.studies.overview_page import check_overview_place
    from analysis.studies.report import check_report_place

    check_overview_place(folder)
    for each in plans:
        check_report_place(each.spec.name, folder)


def _say_costs(plans: list[Plan]) -> None:
    """Say what each section takes, before any begins."""
    from collections import Counter

    from analysis.problems import ProblemError
    from analysis.studies.overview import kept_of
    from app.commands.output import say
    from app.config import state_file
    from app.jobs.ahead import ahead_of, ahead_words
    from app.jobs.prices import Prices
    from app.jobs.progress_text import duration
    from app.state import load_state

    prices = Prices(load_state(state_file()).prices)
    # What several sections ask is answered once.
    together: Counter[Request[object]] = Counter()
    for each in plans:
        if each.given is None:
            say(f"{each.spec.name}: left out. {each.without}")
            continue
        if kept_of(each) is not None:
            say(f"{each.spec.name}: what it found is kept from before.")
            continue
        try:
            outlook = each.spec.look_ahead(each.given)
        except (ProblemError, OSError):
            # Making it says what is wrong.
            outlook = None
        takes = "What it takes is not known before."
        if outlook is not None:
            takes = ahead_words(ahead_of(outlook, prices))
            together |= Counter(outlook.missing)
        say(f"{each.spec.name}: {takes}")
    seconds = prices.of_requests(together.elements())
    if together and seconds is not None:
        say(f"Together that is about {duration(seconds)} with one engine.")


def _made(
    plans: list[Plan], models: list[tuple[str, ModelChoice]], opened: Answerer, folder: Path
) -> Overview:
    """Make every section, and write its own report at once: what comes after may fail."""
    from analysis.studies.overview import Overview, models_table, section
    from analysis.studies.report import write_report
    from app.commands.study_progress import follow

    sections = []
    for number, plan in enumerate(plans):
        sections.append(follow(section(plan, number, len(plans))))
        found = sections[-1].findings
        if found is not None:
            write_report(found, folder)
    (_, base), *others = models
    return Overview(
        base=base.name,
        tuned=tuple(model.name for _, model in others),
        models=follow(models_table(opened, models)),
        sections=tuple(sections),
        warnings=follow(_warnings(opened, base, others[-1][1])),
        made=_by_what(),
    )


def _warnings(opened: Answerer, base: ModelChoice, tuned: ModelChoice) -> Asking[tuple[str, ...]]:
    """What the doctor, looking at files alone, finds wrong with a pair."""
    from analysis.doctor.request import ExaminationRequest
    from analysis.events import Progress
    from analysis.problems import ProblemError
    from analysis.session.drive import Asker

    step = Progress("examining the pair", 0, None, tuned.name)
    try:
        found = yield from Asker(opened).answer(ExaminationRequest(base, tuned), step)
    except ProblemError as error:
        return (f"The pair could not be examined. {error.problem.what}",)
    return tuple(
        " ".join(filter(None, (each.what, each.why))) for each in found.at("warning", "cannot")
    )


def _by_what() -> str:
    from datetime import datetime
    from importlib.metadata import version

    return f"Made by insttui {version('insttui')} on {datetime.now():%Y-%m-%d at %H:%M}."
