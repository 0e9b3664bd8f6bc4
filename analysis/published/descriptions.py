"""The published descriptions of components in insttui's format, for Tables 5-10, Figs. 3 and 7.

In ``results/linear_interpret``, ``linear_seedN.tsv`` has the first step of repeat N, descriptions;
``linear_task_seedN.tsv`` the second, scenarios; ``linear_concept_seedN.tsv`` the third, levels. The
latter two repeat the cells of the first, so rows of different runs are told apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from analysis.concepts.annotation.annotation import Annotation, Outcome, Step, Subject
from analysis.concepts.annotation.parsing import parse_level, parse_scenarios
from analysis.concepts.annotation.stored import write_annotations
from analysis.concepts.request import TOP_WORDS
from analysis.events import Progress
from analysis.problems import problem
from analysis.published.lines import BadLineError, PublishedTable, Row, whole_number
from analysis.session.drive import Asking

FOLDER = "results/linear_interpret"
_WORDS = ("Model", "Size", "Layer", "Type", "Head", "Rank", "Score", "TopK")
_DESCRIBED = ("Explainable", "Tokens", "Summary", *_WORDS)
_LATER: dict[Step, tuple[str, str]] = {
    "scenarios": ("task", "Task"),
    "level": ("concept", "Concept"),
}
"""The second and the third step: what the file's name has of it, and its column."""

_ANNOTATOR = "gpt-3.5-turbo-0613 (published)"
_TYPES = {"FFN", "down"}
_MATH = re.compile(r"\bsolving math problems?\b", re.IGNORECASE)
_CANNOT_TELL = "cannot tell"

_Key = tuple[str, int, int]  # model, layer, component


def repeats_of(source: Path) -> tuple[int, ...]:
    """The repeats whose descriptions are there, ascending."""
    names = (each.name for each in (source / FOLDER).glob("linear_seed*.tsv"))
    found = (re.fullmatch(r"linear_seed(\d+)\.tsv", name) for name in names)
    return tuple(sorted(int(each[1]) for each in found if each))


def import_descriptions(
    source: Path, target: Path, pair: tuple[str, str], *, rank: int, skip: bool
) -> Asking[tuple[str, ...]]:
    """Write the descriptions of a pair of models.

    Args:
        source: The published repository's folder.
        target: An empty folder for the annotations.
        pair: Base and tuned model as the column ``Model`` names them.
        rank: Components of a layer, the first ones; others are passed over.
        skip: Leave out lines that cannot be used.

    Returns:
        Notes for the user.

    Raises:
        ProblemError: ``storage``, naming file and line, for what is damaged, in another format or
            written by two runs; ``input`` for a model that is not there.
    """
    found: list[Annotation] = []
    notes: list[str] = []
    words: dict[_Key, str] = {}
    repeats = repeats_of(source)
    for repeat, seed in enumerate(repeats):
        yield Progress("reading descriptions", repeat, len(repeats), f"seed {seed}")
        run = _Repeat(source, seed, repeat, pair, rank, words, skip=skip)
        found += run.annotations()
        notes += run.notes
    here = Counter(each.subject.model for each in found)
    for model in pair:
        if not here[model]:
            raise problem(
                "input",
                f"There are no descriptions of components of {model} in {source / FOLDER}.",
                "",
                "Name base and tuned model with --base and --tuned.",
            )
    write_annotations(target, pair, _ANNOTATOR, len(words), found)
    there = Counter(each.repeat for each in found)
    notes += [
        f"The descriptions of seed {seed} are of {there[repeat]:,} of {len(words):,} components."
        for repeat, seed in enumerate(repeats)
        if there[repeat] < len(words)
    ]
    unread = Counter(step for each in found for step in each.unparsed)
    notes += [
        f"{count:,} answers about {step} are none of the allowed ones and count as not understood."
        for step, count in unread.items()
    ]
    return tuple(notes)


class _Repeat:
    """The three files of one repeat; `notes` says what was left out of them.

    `words` are those of components in earlier repeats, and are added to.
    """

    def __init__(
        self,
        source: Path,
        seed: int,
        repeat: int,
        pair: tuple[str, str],
        rank: int,
        words: dict[_Key, str],
        *,
        skip: bool,
    ) -> None:
        self.notes: list[str] = []
        self._repeat, self._pair, self._rank, self._words = repeat, pair, rank, words
        self._sizes: dict[str, str] = {}
        folder = source / FOLDER
        self._described = _table(folder, f"linear_seed{seed}.tsv", _DESCRIBED, skip)
        self._later = {
            step: _table(folder, f"linear_{part}_seed{seed}.tsv", (column, *_DESCRIBED), skip)
            for step, (part, column) in _LATER.items()
        }

    def annotations(self) -> Iterator[Annotation]:
        """What was said of every component, in the order of the first file."""
        described = dict(self._keyed(self._described))
        answers: dict[Step, dict[_Key, str]] = {
            step: dict(self._answers(step, table, described)) for step, table in self._later.items()
        }
        for table in (self._described, *self._later.values()):
            self.notes += table.notes()
        for (model, layer, component), row in described.items():
            key = (model, layer, component)
            words = tuple(row["TopK"].split("|||")[:TOP_WORDS])
            yield _annotation(
                Subject(model, layer, component, words),
                self._repeat,
                row,
                answers["scenarios"].get(key),
                answers["level"].get(key),
            )

    def _answers(
        self, step: Step, table: PublishedTable, described: dict[_Key, Row]
    ) -> Iterator[tuple[_Key, str]]:
        if not table.pieces[0].is_file():
            self.notes.append(f"{table.name} is not there: no {step} of repeat {self._repeat}.")
            return
        column = _LATER[step][1]
        for key, row in self._keyed(table, described):
            yield key, row[column]

    def _keyed(
        self, table: PublishedTable, described: dict[_Key, Row] | None = None
    ) -> Iterator[tuple[_Key, Row]]:
        """The rows of this pair's components, each once; answers must be to what was described."""
        seen: set[_Key] = set()
        for number, row in table.rows():
            try:
                key = self._key(row)
                if key is None:
                    continue
                if key in seen:
                    raise BadLineError(
                        f"Component {key[2]} of layer {key[1]} of {key[0]} came before: two runs "
                        "are mixed."
                    )
                seen.add(key)
                _check_outcome(row)
                if row["TopK"] != self._words.setdefault(key, row["TopK"]):
                    raise BadLineError("Its words are not those that were described before.")
                if described is not None and (
                    key not in described or described[key]["Summary"] != row["Summary"]
                ):
                    raise BadLineError(
                        f"{row['Summary'][:60]!r} is no description in {self._described.name}."
                    )
            except BadLineError as error:
                table.bad(number, str(error))
            else:
                yield key, row

    def _key(self, row: Row) -> _Key | None:
        model = row["Model"]
        if model not in self._pair:
            return None
        if row["Type"] not in _TYPES:
            raise BadLineError(f"Its Type is {row['Type'][:40]!r}, and not FFN.")
        if row["Size"] != self._sizes.setdefault(model, row["Size"]):
            raise BadLineError(
                f"Two models are called {model}: it is of {row['Size']}, those before of "
                f"{self._sizes[model]}."
            )
        component = whole_number(row, "Rank") - 1
        if component < 0:
            raise BadLineError("Ranks count from 1.")
        return (model, whole_number(row, "Layer"), component) if component < self._rank else None


def _table(folder: Path, name: str, columns: tuple[str, ...], skip: bool) -> PublishedTable:
    return PublishedTable(name, (folder / name,), columns, skip)


def _check_outcome(row: Row) -> None:
    told = _CANNOT_TELL not in row["Summary"].lower()
    if row["Explainable"] != str(int(told)):
        raise BadLineError(
            f"Its Explainable is {row['Explainable'][:40]!r}, and its Summary "
            f"{row['Summary'][:60]!r}."
        )


def _annotation(
    subject: Subject, repeat: int, row: Row, scenarios: str | None, level: str | None
) -> Annotation:
    outcome: Outcome = "described" if row["Explainable"] == "1" else "cannot tell"
    raw = (row["Summary"], scenarios, level)
    if outcome == "cannot tell":
        return Annotation(subject, repeat, outcome, raw=(row["Summary"], None, None))
    serves = None if scenarios is None else parse_scenarios(_MATH.sub("math", scenarios))
    at = None if level is None else parse_level(level)
    unparsed: list[Step] = []
    if scenarios is not None and serves is None:
        unparsed.append("scenarios")
    if level is not None and at is None:
        unparsed.append("level")
    return Annotation(
        subject,
        repeat,
        outcome,
        description=row["Summary"].strip(),
        scenarios=serves,
        level=at,
        raw=raw,
        unparsed=tuple(unparsed),
    )
