"""What the sections of ``insttui report`` are given, each by the command that repeats it.

A section's options are those of its command, read by the same parser, so that what the page says
repeats a section is what made it.
"""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from analysis.demo.catalog import DEMO_BASE, DEMO_TUNED, is_demo
from analysis.methods import CHANGES_ALONG, StudySpec, studies
from analysis.problems import problem
from analysis.session.drive import Answerer
from analysis.studies.overview import Plan, in_order
from app.commands import inputs
from app.commands.parser import parser
from app.commands.series import each_step
from app.commands.study_input import input_read, refuse_unused
from app.config import Settings
from app.frame.twin import option

if TYPE_CHECKING:
    from analysis.request import ModelChoice

_NO_PROMPTS = (
    "It is of what both models answer, and no prompts were named; --prompts names a file of them."
)
_LOADED = ("device", "trust_remote_code", "allow_pickle", "cache_dir")
_OF_PROMPTS = ("prompts", "bad_lines", "max_new_tokens", "chat_template")

Planned = Callable[[Answerer], Plan]


def models_of(options: Namespace, settings: Settings) -> list[tuple[str, ModelChoice]]:
    """The models with their roles, the base model first; ProblemError if one is unknown."""
    if options.series:
        steps = each_step(options, settings)
        base = steps[0][2][0]
        return [("base", base), *((f"step {each.step}", pair[1]) for each, _, pair in steps)]
    base, tuned = inputs.pair(options, settings)
    return [("base", base), ("tuned", tuned)]


def sections_of(options: Namespace) -> tuple[StudySpec, ...]:
    """The studies that are asked for, in order; ProblemError if none is left."""
    every = in_order((CHANGES_ALONG, *studies()))
    found = tuple(
        each
        for each in every
        if each.name in (options.only or [spec.name for spec in every])
        and each.name not in options.skip
    )
    if not found:
        raise problem(
            "input",
            "No section is left.",
            "--skip names all that --only does.",
            "Leave out one of them.",
        )
    return found


def planned(options: Namespace, settings: Settings, *, demo: bool) -> list[Planned]:
    """Every section that is asked for, to be completed by who answers.

    Args:
        options: The command's.
        settings: The user's.
        demo: Whether the models are the demo's, which have prompts of their own.

    Raises:
        ProblemError: A file that was named cannot be used.
    """
    return [_planned(spec, options, settings, demo=demo) for spec in sections_of(options)]


def _planned(spec: StudySpec, options: Namespace, settings: Settings, *, demo: bool) -> Planned:
    words = _words(spec, options)
    command = shlex.join(["insttui", *words, *_written(spec, options)])
    if spec.takes == "cases" and not demo and not options.prompts:
        return lambda session: Plan(spec, command, without=_NO_PROMPTS)
    alone = parser().parse_args(words)
    if spec is not CHANGES_ALONG:
        refuse_unused(spec, alone)
    read = input_read(spec, alone, settings)
    return lambda session: Plan(spec, command, read(session))


def _words(spec: StudySpec, options: Namespace) -> list[str]:
    """The section's command with all that its numbers depend on."""
    words = ["changes"] if spec is CHANGES_ALONG else ["study", spec.name]
    named = {name: getattr(options, name, None) for name in ("base", "tuned", "series")}
    if not any(named.values()):
        named |= {"base": DEMO_BASE, "tuned": DEMO_TUNED}
    for name, given in named.items():
        words += option(name, given)
    if spec.takes == "cases":
        for name in _OF_PROMPTS:
            given = getattr(options, name)
            words += option(name.replace("_", "-"), None if given == "refuse" else given)
        columns = ",".join(f"{name}={column}" for name, column in options.columns.items())
        words += option("columns", columns or None)
    for name in spec.word_options:
        words += option(name, getattr(options, name, None))
    # What reads weights takes them as they are stored.
    loaded = _LOADED if spec.word_options else ("dtype", *_LOADED)
    for name in loaded:
        value = getattr(options, name, None)
        words += option(name.replace("_", "-"), None if value == "auto" else value)
    return words


def _written(spec: StudySpec, options: Namespace) -> tuple[str, ...]:
    """Where the command that the page shows writes: to the same place, if it writes reports."""
    if spec is CHANGES_ALONG and not options.series:
        return ("--summary",)
    return option("out", options.out)


def demo_models(models: list[tuple[str, ModelChoice]]) -> bool:
    """Whether all of them are the demo's."""
    return is_demo(*(model.name for _, model in models))
