"""The cases of a study: each prompt with both models' maps, from a session or from disk.

A session is asked in two rounds. The first computes every answer that the cache lacks, in any order
and by any number of processes (see `asking`). The second reads them from the cache in the prompts'
order, so the outcome does not depend on who computed what when, and a study that was killed and
restarted gives exactly the same tables.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.events import Progress
from analysis.problems import problem
from analysis.saliency.asking import Answers, CaseAsker
from analysis.saliency.cases.folder import CaseFolder
from analysis.saliency.cases.instructions import instruction_mask
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.cases.prompt_sets import StudyPrompt
from analysis.saliency.cases.writer import NewCase
from analysis.saliency.gather import AskedCases, CasesInput, Responses, StoredCases
from analysis.saliency.map import SaliencyMap
from analysis.saliency.result import Attribution
from analysis.session.drive import Asker, Asking
from analysis.studies.parameters import in_words, model_parameters, precision_of
from analysis.table import Cell

T = TypeVar("T")

_MOST_LISTED = 10


@dataclass(frozen=True, eq=False)
class StudyCase:
    """A prompt with the maps of the models.

    Attributes:
        id: Its name, unique in the study.
        dataset: The collection of prompts it comes from.
        prompt: The text that the models were given.
        guessed: Its instructions are a guess, because nobody marked them.
        maps: A map for each model, base before tuned.
        instructions: bool [N] for each map, True for the tokens of an instruction.
        ratings: How well the response of each map follows the prompt, 1 to 4; None if unknown.
        responses: Whose responses the maps explain.
    """

    id: str
    dataset: str
    prompt: str
    guessed: bool
    maps: tuple[SaliencyMap, ...]
    instructions: tuple[NDArray[np.bool_], ...]
    ratings: tuple[float | None, ...]
    responses: Responses = "own"

    def to_equal_length(self) -> StudyCase:
        """The case with both responses cut to the shorter one's number of tokens (METHODS 1)."""
        shortest = min(len(each.response_tokens) for each in self.maps)
        return replace(self, maps=tuple(each.beginning(shortest) for each in self.maps))


@dataclass(frozen=True)
class Variant:
    """Which responses of a case were measured.

    Attributes:
        responses: Whose they are.
        equal_length: Whether they were cut to the shorter one's length.
    """

    responses: Responses = "own"
    equal_length: bool = False

    def words(self, models: Sequence[str]) -> str:
        """What a reader calls it."""
        if self.equal_length:
            return "own responses at equal length"
        return {
            "own": "own responses",
            "base": f"{models[0]}'s response in both",
            "tuned": f"{models[-1]}'s response in both",
            "reference": "reference response in both",
        }[self.responses]


@dataclass(frozen=True)
class Collected(Generic[T]):
    """What a study collected from the cases.

    Attributes:
        models: The models' names, base before tuned.
        values: One for each case not left out, in the order of the prompts.
        variants: The same for every kind of responses measured, `values` among them; empty where
            there is one model and so nothing to compare.
        measured: The kind of responses that `values` are of.
        notes: Sentences on cases left out, instructions guessed, responses cut.
        precisions: Precision and device of each model; empty if no model was asked.
        methods: The methods used for importance, each once.
    """

    models: tuple[str, ...]
    values: tuple[T, ...]
    notes: tuple[str, ...]
    precisions: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    variants: Mapping[Variant, tuple[T, ...]] = field(default_factory=dict)
    measured: Variant = Variant()


def collect(given: CasesInput, measure: Callable[[StudyCase], T]) -> Asking[Collected[T]]:
    """Go through all cases of a study, from stored maps or by asking both models.

    A case that cannot be answered, such as a prompt too long for a model, is left out with a note.
    Maps are not kept in memory.

    Args:
        given: Stored maps, or prompts and models, whose maps are also written if a folder is given.
        measure: Extracts what the study needs from a case.

    Raises:
        ProblemError: ``input`` when no case is left; ``storage`` when a library is broken or a
            folder not writable; what loading a model raises.
    """
    if isinstance(given, CaseLibrary):
        given = StoredCases(given)
    if isinstance(given, StoredCases):
        return (yield from _read(given, measure))
    return (yield from _asked(given, measure))


class _Measured(Generic[T]):
    """The values of every kind of responses, case after case."""

    def __init__(self, measure: Callable[[StudyCase], T], *, equal_length: bool) -> None:
        self._measure, self._equal_length = measure, equal_length
        self.values: dict[Variant, list[T]] = {}
        self.main: Variant | None = None

    def add(self, cases: Sequence[StudyCase]) -> None:
        """Measure one case with each kind of responses."""
        kinds = [(Variant(case.responses), case) for case in cases]
        if len(cases[0].maps) == 2 and cases[0].responses == "own":
            kinds.insert(1, (Variant(equal_length=True), cases[0].to_equal_length()))
        for variant, case in kinds:
            self.values.setdefault(variant, []).append(self._measure(case))
        self.main = kinds[1 if self._equal_length else 0][0]

    def collected(
        self,
        models: tuple[str, ...],
        notes: tuple[str, ...],
        precisions: tuple[str, ...] = (),
        methods: tuple[str, ...] = (),
    ) -> Collected[T]:
        assert self.main is not None
        every = {variant: tuple(values) for variant, values in self.values.items()}
        return Collected(
            models,
            every[self.main],
            notes,
            precisions,
            methods,
            every if len(models) == 2 else {},
            self.main,
        )


def _read(given: StoredCases, measure: Callable[[StudyCase], T]) -> Asking[Collected[T]]:
    library = given.library.finish()
    if not library.cases:
        raise problem("input", f"There is no case in {library.folder}.")
    measured = _Measured(measure, equal_length=given.equal_length)
    for done, case in enumerate(library.cases):
        yield Progress("reading maps", done, len(library.cases), case.id)
        maps = tuple(library.map(case.id, model).scored(given.scoring) for model in library.models)
        mask = library.text(case.id).instruction
        found = StudyCase(
            id=case.id,
            dataset=case.dataset,
            prompt=case.prompt,
            guessed=case.guessed,
            maps=maps,
            instructions=(mask,) * len(maps),
            ratings=tuple(
                given.ratings.get((case.id, model), rating)
                for model, rating in zip(library.models, case.ratings, strict=True)
            ),
            responses=library.responses,
        )
        measured.add([found])
    guessed = int(library.index.guessed.sum())
    return measured.collected(library.models, _on_guesses(guessed, len(library.cases)))


def _asked(given: AskedCases, measure: Callable[[StudyCase], T]) -> Asking[Collected[T]]:
    asker = Asker(given.session)
    cases = CaseAsker(given, asker)
    names = given.base.name, given.tuned.name
    kept = yield from cases.fill_cache()
    stage = "reading maps" if kept else "asking both models"
    prompts = given.prompts.prompts
    measured = _Measured(measure, equal_length=given.equal_length)
    count, guessed, cut = 0, 0, [0, 0]
    precisions: tuple[set[str], set[str]] = set(), set()
    methods: set[str] = set()
    with CaseFolder(given.cases_folder, names, given.response[0]) as folder:
        for done, prompt in enumerate(prompts):
            step = Progress(stage, done, len(prompts), prompt.id)
            yield step
            answers = yield from cases.answers(prompt, step)
            if answers is None:
                continue
            found = [_case(given, prompt, answers, kind) for kind in given.response]
            measured.add(found)
            folder.write(_stored(prompt, found[0]))
            count += 1
            guessed += prompt.guessed
            written = answers[given.response[0]]
            cut = [old + (each.ended == "length") for old, each in zip(cut, written, strict=True)]
            for pair in answers.values():
                methods.update(each.method for each in pair)
                for seen, each in zip(precisions, pair, strict=True):
                    seen.add(precision_of([each]))
                asker.note(*_on_tokens(pair))
        if not count:
            left_out = next(iter(cases.left_out.items()))
            raise problem("input", "No case has answers.", f"The first one: {': '.join(left_out)}")
        about_folder = folder.finish()
    notes = (
        *asker.notes,
        *on_servers(given),
        *on_left_out(cases.left_out),
        *(f"The line of a prompt was left out: {each}." for each in given.prompts.skipped),
        *_on_guesses(guessed, count),
        *on_cuts(names, cut, count, given.longest),
        *(() if kept else ("The answers could not be kept: another run computes them again.",)),
        *about_folder,
    )
    return measured.collected(
        names,
        notes,
        tuple(in_words(each) for each in precisions),
        tuple(sorted(methods)),
    )


def _case(given: AskedCases, prompt: StudyPrompt, answers: Answers, kind: Responses) -> StudyCase:
    maps = tuple(
        SaliencyMap.from_attribution(each, scoring=given.scoring) for each in answers[kind]
    )
    # A rating is one of a response, whoever is explained on it.
    base, tuned = _ratings(given, prompt, answers)
    ratings = {
        "own": (base, tuned),
        "base": (base, base),
        "tuned": (tuned, tuned),
        "reference": (None, None),
    }
    return StudyCase(
        id=prompt.id,
        dataset=prompt.dataset,
        prompt=prompt.prompt,
        guessed=prompt.guessed,
        maps=maps,
        instructions=tuple(
            instruction_mask(each.prompt_tokens, prompt.instruction) for each in maps
        ),
        ratings=ratings[kind],
        responses=kind,
    )


def _ratings(
    given: AskedCases, prompt: StudyPrompt, answers: Answers
) -> tuple[float | None, float | None]:
    """Ratings of base and tuned model's own responses."""
    base = answers.get("own") or answers.get("base")
    tuned = answers.get("own") or answers.get("tuned")
    # Without its own response a model's rating is of no use to anybody.
    return given.ratings_of(
        prompt, (base[0].response if base else "", tuned[1].response if tuned else "")
    )


def _on_tokens(pair: tuple[Attribution, Attribution]) -> tuple[str, ...]:
    """A note where the same response had to be cut into other tokens."""
    return tuple(
        f"{each.model}: {each.note}" for each in pair if each.ended == "given" and each.note
    )


def _stored(prompt: StudyPrompt, case: StudyCase) -> list[NewCase]:
    return [
        NewCase(
            id=case.id,
            dataset=case.dataset,
            prompt=case.prompt,
            instruction=mask,
            instruction_spans=prompt.instruction,
            maps=[shown],
            ratings=[rating],
            reference=prompt.reference,
            guessed=case.guessed,
        )
        for shown, mask, rating in zip(case.maps, case.instructions, case.ratings, strict=True)
    ]


def on_servers(given: AskedCases) -> tuple[str, ...]:
    """Notes on the servers that wrote responses."""
    return tuple(
        f"The responses of {model.name} are those of a server, {server.words}."
        for model, server in zip(given.pair, given.servers, strict=True)
        if server is not None
    )


def on_left_out(left_out: dict[str, str]) -> tuple[str, ...]:
    """Notes on the cases that were left out, and why."""
    shown = list(left_out.items())[:_MOST_LISTED]
    more = len(left_out) - len(shown)
    notes = [f"Case {name} was left out. {why}" for name, why in shown]
    return (*notes, *([f"{more} more cases were left out."] if more else []))


def _on_guesses(guessed: int, count: int) -> tuple[str, ...]:
    if not guessed:
        return ()
    return (
        f"In {guessed} of {count} cases nobody marked the instructions: they are guessed from "
        "layout and first words.",
    )


def on_cuts(names: Sequence[str], cut: Sequence[int], count: int, limit: int) -> tuple[str, ...]:
    """Notes on how many of each model's responses were cut at the limit."""
    return tuple(
        f"{number} of the {count} responses of {name} {'was' if number == 1 else 'were'} cut at "
        f"{limit} tokens."
        for name, number in zip(names, cut, strict=True)
        if number
    )


def case_parameters(
    given: CasesInput, computed: Sequence[str], methods: Sequence[str]
) -> dict[str, Cell]:
    """Parameters that say where the cases come from; `computed` is as in `model_parameters`."""
    if isinstance(given, CaseLibrary):
        given = StoredCases(given)
    read: dict[str, Cell] = {
        **given.scoring.parameters(),
        "responses cut to equal length": given.equal_length,
    }
    if isinstance(given, StoredCases):
        library = given.library
        index = (library.folder / "cases.jsonl").read_bytes()
        return {
            "case library": library.folder.name,
            "cases digest": hashlib.sha256(index).hexdigest(),
            "models": " and ".join(library.models),
            "ratings": _ratings_digest(given),
            **read,
        }
    return {
        **model_parameters(*given.pair, computed),
        "prompts": given.prompts.name,
        "prompts digest": given.prompts.digest,
        "number of prompts": len(given.prompts.prompts),
        "chat template of the tuned model": given.chat_template,
        "most new tokens": given.longest,
        "method": in_words(methods),
        "responses": ", ".join(given.response),
        **{
            f"responses of the {role} model by": server.words
            for role, server in zip(("base", "tuned"), given.servers, strict=True)
            if server is not None
        },
        "ratings": _ratings_digest(given),
        **read,
    }


def _ratings_digest(given: StoredCases | AskedCases) -> str | None:
    """Identifies ratings that neither prompts nor cases brought along; None for none."""
    if not given.ratings:
        return None
    listed = "\n".join(f"{key} {rating:g}" for key, rating in sorted(given.ratings.items()))
    return hashlib.sha256(listed.encode()).hexdigest()
