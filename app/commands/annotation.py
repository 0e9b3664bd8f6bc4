"""The part of ``insttui concepts`` that asks a language model to describe components."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from analysis.concepts.annotation.annotation import Annotation, Subject, gap_notes
from analysis.concepts.annotation.answer_file import AnswerFile
from analysis.concepts.annotation.by_layer import (
    LAYER_GROUPS,
    answer_counts,
    described_by_rank,
    levels_by_layer,
)
from analysis.concepts.annotation.comparison import compare
from analysis.concepts.annotation.completer import Completer
from analysis.concepts.annotation.description_words import word_shifts
from analysis.concepts.annotation.first_descriptions import FirstDescriptions, subjects_of
from analysis.concepts.annotation.local_completer import LocalCompleter
from analysis.concepts.annotation.openai_completer import OpenAICompleter
from analysis.concepts.annotation.plan import Prices, first_prompts, plan
from analysis.concepts.annotation.questions import read_annotations
from analysis.concepts.annotation.runner import Progress, annotate
from analysis.concepts.annotation.templates import Templates, load_templates
from analysis.concepts.result import LayerConcepts
from analysis.concepts.tables import concepts_table
from analysis.files.writing import check_folder, reason
from analysis.problems import problem
from analysis.request import ModelChoice
from analysis.servers.endpoint import Endpoint, endpoint
from analysis.servers.pace import Pace
from analysis.session.session import Session
from analysis.table import Table
from app.commands import inputs
from app.commands.output import write_table
from app.commands.session import progress_bars
from app.config import Settings
from app.known_descriptions import answers_path, remember_annotator


def check(options: Namespace, settings: Settings) -> None:
    """Check, before computing anything, that questions can be asked and answers stored.

    Raises:
        ProblemError: The templates, the endpoint or the local model's name cannot be used, or
            answers cannot be written.
    """
    load_templates(_templates_path(options, settings))
    if options.dry_run:
        return
    if options.annotate == "endpoint":
        _endpoint(options, settings)
    elif name := getattr(options, "annotator", ""):
        inputs.model_choice(name, options, settings)
    path = answers_path()
    try:
        check_folder(path.parent)
    except OSError as error:
        raise problem(
            "storage", f"Answers cannot be kept in {path.parent}.", f"{reason(error)}."
        ) from None


def run(
    options: Namespace,
    settings: Settings,
    session: Session,
    layers: Sequence[LayerConcepts],
    base: ModelChoice,
    tuned: ModelChoice,
) -> int:
    """Have the components described, and write the chosen table."""
    templates = load_templates(_templates_path(options, settings))
    answers = AnswerFile(answers_path())
    if answers.damaged:
        print(
            f"insttui: {answers.damaged} lines of {answers.path} are damaged; "
            "their questions are asked anew.",
            file=sys.stderr,
        )
    subjects = subjects_of(layers)
    prices, repeats = _prices(options, settings), options.repeats
    if options.dry_run and options.annotate == "endpoint":
        # The cost can be estimated before the endpoint exists.
        model = getattr(options, "annotator", "") or settings.annotation.model
        found = plan(subjects, templates, model, answers, repeats=repeats, prices=prices)
        print(found.text(), file=sys.stderr)
        print(first_prompts(subjects, templates))
        return 0
    completer, pace = _completer(options, settings, session, tuned)
    found = plan(subjects, templates, completer.model, answers, repeats=repeats, prices=prices)
    print(found.text(), file=sys.stderr)
    if options.dry_run:
        print(first_prompts(subjects, templates))
        return 0
    if found.requests and not _confirmed(options):
        raise problem("input", "Nothing was asked.", "", "Confirm with y, or give --yes.")
    annotations = (
        _followed(subjects, completer, templates, answers, repeats, pace)
        if found.requests
        else read_annotations(subjects, templates, completer.model, answers, repeats=repeats)
    )
    if annotations:
        try:
            remember_annotator(completer.model)
        except OSError as error:
            # The app would show another model's descriptions; the rows are still valid.
            print(f"insttui: The annotator could not be noted: {error}", file=sys.stderr)
    for note in gap_notes(annotations):
        print(f"insttui: {note}", file=sys.stderr)
    write_table(_table(options, layers, annotations, base, tuned), options)
    return 0


def _completer(
    options: Namespace, settings: Settings, session: Session, tuned: ModelChoice
) -> tuple[Completer, Pace]:
    name: str = getattr(options, "annotator", "")
    if options.annotate == "local":
        choice = inputs.model_choice(name, options, settings) if name else tuned
        return LocalCompleter(session, choice), Pace(concurrency=1)
    place = _endpoint(options, settings)
    return OpenAICompleter(place), replace(Pace(), concurrency=settings.annotation.concurrency)


def _endpoint(options: Namespace, settings: Settings) -> Endpoint:
    name: str = getattr(options, "annotator", "")
    return endpoint(name or settings.annotation.model, settings.annotation.base_url)


def _templates_path(options: Namespace, settings: Settings) -> Path | None:
    name: str = getattr(options, "templates", "") or settings.annotation.templates
    return Path(name).expanduser() if name else None


def _prices(options: Namespace, settings: Settings) -> Prices | None:
    if options.annotate == "local":
        return Prices(0.0, 0.0)
    price_in = settings.annotation.price_in if options.price_in is None else options.price_in
    price_out = settings.annotation.price_out if options.price_out is None else options.price_out
    return None if price_in is None or price_out is None else Prices(price_in, price_out)


def _confirmed(options: Namespace) -> bool:
    if options.yes:
        return True
    if not sys.stdin.isatty():
        return False
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _followed(
    subjects: Sequence[Subject],
    completer: Completer,
    templates: Templates,
    answers: AnswerFile,
    repeats: int,
    pace: Pace,
) -> tuple[Annotation, ...]:
    with progress_bars() as bars:
        task = bars.add_task("describing", total=None)

        def show(progress: Progress) -> None:
            tokens = f"{progress.input_tokens:,} + {progress.output_tokens:,} tokens"
            waiting = f", waiting {progress.waiting_s:.0f} s" if progress.waiting_s else ""
            words = f"describing, {progress.requests:,} requests, {tokens}{waiting}"
            bars.update(task, description=words, completed=progress.done, total=progress.total)

        return annotate(
            subjects, completer, templates, answers, repeats=repeats, pace=pace, on_progress=show
        )


def _table(
    options: Namespace,
    layers: Sequence[LayerConcepts],
    annotations: Sequence[Annotation],
    base: ModelChoice,
    tuned: ModelChoice,
) -> Table:
    groups = options.level_groups or LAYER_GROUPS
    match options.table:
        case "comparison":
            return compare(annotations, base.name, tuned.name)
        case "levels":
            return levels_by_layer(annotations, groups)
        case "ranks":
            return described_by_rank(annotations)
        case "answers":
            return answer_counts(annotations)
        case "words":
            return word_shifts(annotations, base.name, tuned.name, groups=groups)
        case _:
            return concepts_table(layers, FirstDescriptions(annotations))
