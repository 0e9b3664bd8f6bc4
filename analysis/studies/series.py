"""A study along a training run: the same study at every step, and what it found as one.

At a step a study is the study of the base model and that step's model, unchanged, so that a step's
rows are those of that pair. What the base model alone is asked has the same key at every step, and
so is computed once. Adapters on one base model share it in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace as changed

from analysis.demo.catalog import CAVEAT, is_demo
from analysis.events import Progress
from analysis.models.adapters import holds_adapter
from analysis.models.references import local_folder
from analysis.models.request import ArchitectureRequest, LoadRequest, TokenizeRequest, built_alike
from analysis.request import ModelChoice, Request
from analysis.session.drive import Asker, Asking
from analysis.studies.curves import STEP, Label, StepTable, curves, headline
from analysis.studies.findings import Findings, NamedTable
from analysis.studies.kept import kept_findings
from analysis.studies.outlook import Outlook
from analysis.studies.study import PairInput, Study
from analysis.studies.testing import P_VALUE
from analysis.table import Cell, Table

if TYPE_CHECKING:
    from analysis.methods import StudySpec

T = TypeVar("T")

FAMILIES = (
    "Every step is a study of its own: p_holm and p_bh are corrected for the tests of one step, "
    "and not for the number of steps."
)


@dataclass(frozen=True)
class Step:
    """A model of a training run.

    Attributes:
        label: The number of the step, or what it is called.
        given: What a study of the base model and this one is given.
    """

    label: Label
    given: PairInput


@dataclass(frozen=True)
class SeriesInput:
    """The input of a study along a training run: at least one step, the first one first."""

    steps: tuple[Step, ...]

    @property
    def labels(self) -> tuple[Label, ...]:
        return tuple(each.label for each in self.steps)

    @property
    def last(self) -> PairInput:
        return self.steps[-1].given


def series_study(spec: StudySpec, given: SeriesInput) -> Study:
    """Run a study at every step, after all models were opened; closing it stops it.

    Raises:
        ProblemError: What the study raises; a model of any step that cannot be used.
    """
    steps = given.steps
    fresh = [each for each in steps if kept_findings(spec.name, each.given) is None]
    yield from opened([each.given.pair for each in fresh], steps[-1].given, alike=spec.alike)
    found = []
    for number, each in enumerate(steps):
        study = spec.start(each.given)
        found.append((yield from at_step(study, each.label, number, len(steps))))
    return combined(given, found)


def opened(
    pairs: Sequence[tuple[ModelChoice, ModelChoice]], given: PairInput, *, alike: bool
) -> Asking[None]:
    """Open all models of a series, so that one that is of no use is told before hours of work.

    Nothing is loaded for it but adapters, and with them the model beneath.

    Args:
        pairs: Base and tuned model of every step.
        given: Whose session answers.
        alike: Whether both models of a pair must be built alike.

    Raises:
        ProblemError: As for that pair alone.
    """
    asker = Asker(given.session)
    for number, (base, tuned) in enumerate(pairs):
        step = Progress("opening the models", number, len(pairs), tuned.name)
        if alike:
            built = []
            for model in (base, tuned):
                built.append((yield from asker.answer(ArchitectureRequest(model), step)))
            built_alike(*built)
        else:
            yield from asker.answer(_trial(tuned), step)


def _trial(model: ModelChoice) -> Request[Any]:
    """What tells whether a model can be used: of a whole one, its files; of an adapter, itself."""
    folder = local_folder(model)
    if folder is not None and holds_adapter(folder):
        return LoadRequest(model)
    return TokenizeRequest(model, "a")


def at_step(asking: Asking[T], label: Label, number: int, count: int) -> Asking[T]:
    """What is yielded on the way, saying at which step of how many."""
    return within(asking, f"step {label} ({number + 1} of {count})")


def within(asking: Asking[T], where: str) -> Asking[T]:
    """What is yielded on the way, saying where that is; closing it closes the other."""
    try:
        while True:
            said = next(asking)
            if isinstance(said, Progress):
                said = changed(said, stage=f"{where}: {said.stage}")
            yield said
    except StopIteration as end:
        value: T = end.value
        return value
    finally:
        asking.close()


def kept_series(study: str, given: SeriesInput) -> Findings | None:
    """What a study found along a series before; None if a step of it is not stored."""
    found = []
    for each in given.steps:
        at = kept_findings(study, each.given)
        if at is None:
            return None
        found.append(at)
    return combined(given, found)


def look_along(given: SeriesInput, look: Callable[[PairInput], Outlook | None]) -> Outlook | None:
    """How far a study of a series is; what the base model alone is asked counts once.

    None if it is not known of a step.
    """
    asked, kept, missing, more = 0, 0, list[Request[object]](), dict[str, None]()
    shared: Counter[Request[object]] = Counter()
    for each in given.steps:
        at = look(each.given)
        if at is None:
            return None
        asked, kept = asked + at.asked, kept + at.kept
        if at.more:
            more[at.more] = None
        seen = set[Request[object]]()
        for request in at.missing:
            # The second of two equal ones stands for others that cost as much.
            alone = request not in seen and set(request.models()) == {each.given.base}
            seen.add(request)
            if alone and shared[request]:
                asked -= 1
                continue
            shared[request] += alone
            missing.append(request)
    return Outlook(asked, kept, tuple(missing), "; ".join(more))


def combined(given: SeriesInput, found: Sequence[Findings]) -> Findings:
    """What a study found at every step, as one: tables by step, curves, and sentences by step."""
    labels = given.labels
    names = [{each.given.base.name: "base", each.given.tuned.name: "tuned"} for each in given.steps]
    stacks = by_step(labels, [each.tables for each in found])
    drawn = [
        figure
        for at in _named_alike([each.tables for each in found])
        for figure in curves(
            [StepTable(labels[number], table, names[number]) for number, table in at.items()]
        )
    ]
    first = found[0]
    said = [
        f"Step {label}: {sentence}"
        for label, at in zip(labels, found, strict=True)
        for sentence in at.statements
    ]
    return Findings(
        study=first.study,
        title=f"{first.title}, along {len(labels)} steps of training",
        statements=(*(headline(labels, drawn) if len(labels) > 1 else ()), *said),
        tables=stacks,
        figures=tuple(drawn),
        parameters=dict(_parameters(labels, found)),
        notes=(*_families(stacks), *_caveat(given), *_notes(labels, found)),
        data=by_step(labels, [each.data for each in found]),
    )


def by_step(
    labels: Sequence[Label], tables: Sequence[Sequence[NamedTable]]
) -> tuple[NamedTable, ...]:
    """The tables of all steps, those of one name on top of each other, with the step before.

    Args:
        labels: The steps.
        tables: The tables of each.
    """
    return tuple(_stacked(labels, each) for each in _named_alike(tables))


def _named_alike(tables: Sequence[Sequence[NamedTable]]) -> list[dict[int, NamedTable]]:
    """The tables of one name by the number of their step; names in order of first appearance."""
    found: dict[str, dict[int, NamedTable]] = {}
    for number, at in enumerate(tables):
        for table in at:
            found.setdefault(table.name, {})[number] = table
    return list(found.values())


@dataclass(frozen=True)
class _StackedRows:
    """The rows of all steps, read from the steps' own tables on every iteration."""

    labels: tuple[Label, ...]
    tables: tuple[Table, ...]
    columns: tuple[str, ...]

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        for label, table in zip(self.labels, self.tables, strict=True):
            if table.columns == self.columns:
                for row in table:
                    yield (label, *row)
                continue
            places = [
                table.columns.index(each) if each in table.columns else None
                for each in self.columns
            ]
            for row in table:
                yield (label, *(None if place is None else row[place] for place in places))


def _stacked(labels: Sequence[Label], tables: Mapping[int, NamedTable]) -> NamedTable:
    # Steps without a test lack the columns of corrected p-values.
    widest = sorted((each.table.columns for each in tables.values()), key=len, reverse=True)
    columns = tuple(dict.fromkeys(column for each in widest for column in each))
    rows = _StackedRows(
        tuple(labels[number] for number in tables),
        tuple(each.table for each in tables.values()),
        columns,
    )
    first = next(iter(tables.values()))
    return replace(first, table=Table((STEP, *columns), rows))


def _parameters(labels: Sequence[Label], found: Sequence[Findings]) -> Iterator[tuple[str, Cell]]:
    """What is the same at all steps, once; what is not, by step."""
    names = dict.fromkeys(name for each in found for name in each.parameters)
    yield "steps", ", ".join(map(str, labels))
    yield "models", f"{found[0].parameters.get('base')} and {len(labels)} steps of its training"
    for name in names:
        values = [each.parameters.get(name) for each in found]
        if all(each == values[0] for each in values):
            yield name, values[0]
            continue
        for label, value in zip(labels, values, strict=True):
            yield f"{name} at step {label}", value


def _notes(labels: Sequence[Label], found: Sequence[Findings]) -> Iterator[str]:
    """The notes of all steps; what is said at all of them, once."""
    every = dict.fromkeys(note for each in found for note in each.notes)
    for note in every:
        at = [label for label, each in zip(labels, found, strict=True) if note in each.notes]
        if len(at) == len(found):
            yield note
        else:
            yield from (f"Step {label}: {note}" for label in at)


def _families(tables: Sequence[NamedTable]) -> Iterator[str]:
    if any(P_VALUE in each.table.columns for each in tables):
        yield FAMILIES


def _caveat(given: SeriesInput) -> Iterator[str]:
    names = [each.name for step in given.steps for each in step.given.pair]
    if is_demo(*names):
        yield f"{names[0]} and its checkpoints are {CAVEAT.replace('two models', 'models')}"
