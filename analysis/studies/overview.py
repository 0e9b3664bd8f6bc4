"""What tuning changed, all studies on one page: a section for each, made of its findings.

Nothing is computed for it that a study has already: findings that are kept are read, and others
are made by the study itself, which keeps them. A section that cannot be made says why, and the
rest goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from analysis.events import Progress
from analysis.models.request import Architecture, ArchitectureRequest
from analysis.problems import Problem, ProblemError
from analysis.request import ModelChoice
from analysis.session.drive import Answerer, Asker, Asking
from analysis.studies.caveats import caveat_of
from analysis.studies.findings import Findings
from analysis.studies.kept import kept_findings
from analysis.studies.parameters import model_parameters, stored_precision
from analysis.studies.series import SeriesInput, kept_series, within
from analysis.studies.study import PairInput
from analysis.table import Table

if TYPE_CHECKING:
    from analysis.methods import StudySpec

ORDER = ("changes", "heads", "concepts", "components", "clusters", "divergence")
"""From weights to what the models do; all other studies follow in the order of their list."""

NOTHING = "Nothing was found to report."

# What of a problem says that the pair, or the input, is not of the kind that a study takes.
_NOT_FOR_THIS = ("input", "model")
# Characters of a fingerprint on the page; the sections' own reports have all of it.
_OF_MARK = 12


@dataclass(frozen=True)
class Plan:
    """A section that is to be made.

    Attributes:
        spec: Its study.
        command: What repeats it, quoted for a shell.
        given: What the study is given; None where it cannot be made.
        without: Why not, in a sentence; empty where it can.
    """

    spec: StudySpec
    command: str
    given: PairInput | SeriesInput | None = None
    without: str = ""


@dataclass(frozen=True)
class Section:
    """A section as it came out.

    Attributes:
        study: The study's name.
        title: What it is about, a line.
        command: What repeats it, quoted for a shell.
        findings: What was found; None where it was not made.
        without: Why not, in a sentence or two.
        failed: Whether that is a failure, and no property of the models.
    """

    study: str
    title: str
    command: str
    findings: Findings | None = None
    without: str = ""
    failed: bool = False

    @property
    def sentence(self) -> str:
        """The finding in one sentence, the study's first, or why there is none."""
        if self.findings is None:
            return f"{'Failed' if self.failed else 'Left out'}: {self.without}"
        return next(iter(self.findings.statements), NOTHING)

    @property
    def caveat(self) -> str:
        """What its numbers do not show."""
        return caveat_of(self.study)


@dataclass(frozen=True)
class Overview:
    """A page.

    Attributes:
        base: The base model's name.
        tuned: The tuned models' names, several of a training run.
        models: A row for each model: what it is.
        warnings: What the doctor has to say about the pair.
        sections: In order.
        made: When and by what it was made, in words.
    """

    base: str
    tuned: tuple[str, ...]
    models: Table
    sections: tuple[Section, ...]
    warnings: tuple[str, ...] = ()
    made: str = ""

    @property
    def failed(self) -> bool:
        return any(each.failed for each in self.sections)

    @property
    def found(self) -> bool:
        """Whether there is any section with findings."""
        return any(each.findings is not None for each in self.sections)


def in_order(specs: Iterable[StudySpec]) -> tuple[StudySpec, ...]:
    """Studies in the order of their sections."""
    places = {name: place for place, name in enumerate(ORDER)}
    return tuple(sorted(specs, key=lambda spec: places.get(spec.name, len(places))))


def kept_of(plan: Plan) -> Findings | None:
    """What the section's study found on this input before; None if that is not stored."""
    if plan.given is None:
        return None
    if isinstance(plan.given, SeriesInput):
        return kept_series(plan.spec.name, plan.given)
    return kept_findings(plan.spec.name, plan.given)


def section(plan: Plan, number: int = 0, count: int = 1) -> Asking[Section]:
    """A section, of what is kept if it is; closing it stops its study.

    Args:
        plan: What is to be made.
        number: Which section this is, from 0, for progress.
        count: Of how many.
    """
    bare = Section(plan.spec.name, plan.spec.title, plan.command, without=plan.without)
    if plan.given is None:
        return bare
    # Looking may take a while: along a training run it reads every step.
    where = f"{plan.spec.name} ({number + 1} of {count})"
    yield Progress(f"{where}: looking what is kept", 0, None)
    try:
        found = kept_of(plan) or (yield from within(plan.spec.start(plan.given), where))
    except ProblemError as error:
        failed = error.problem.kind not in _NOT_FOR_THIS
        return replace(bare, without=_reason(error.problem), failed=failed)
    return replace(bare, title=found.title, findings=found)


def _reason(problem: Problem) -> str:
    return " ".join(filter(None, (problem.what, problem.why)))


def models_table(session: Answerer, models: Sequence[tuple[str, ModelChoice]]) -> Asking[Table]:
    """What the models of a page are: files, architecture, precision.

    Args:
        session: Who answers.
        models: Each with its role, the base model first.
    """
    asker = Asker(session)
    rows = []
    (_, base), *_ = models
    for number, (role, model) in enumerate(models):
        step = Progress("opening the models", number, len(models), model.name)
        try:
            built = yield from asker.answer(ArchitectureRequest(model), step)
            said = architecture_in_words(built)
        except ProblemError as error:
            said = error.problem.what
        mark = str(model_parameters(base, model)["tuned fingerprint"])
        kind, _, digest = mark.rpartition(":")
        short = f"{kind}:{digest[:_OF_MARK]}…" if len(digest) > _OF_MARK else mark
        rows.append((role, model.name, said, stored_precision(model), model.dtype, short))
    columns = ("role", "model", "architecture", "stored in", "--dtype", "fingerprint")
    return Table(columns, rows)


def architecture_in_words(built: Architecture) -> str:
    """Family, layers, heads and widths."""
    experts = f", {built.experts} experts" if built.experts else ""
    return (
        f"{built.family}: {built.layers} layers, {built.heads} heads of {built.head_dim}, width "
        f"{built.width}, feed-forward {built.feed_forward}{experts}"
    )
