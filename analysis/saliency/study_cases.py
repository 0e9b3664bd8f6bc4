"""The cases of a study: each prompt with both models' maps, from a session or from disk.

A session is asked in two rounds. The first computes every answer that the cache lacks, in any order
and by any number of processes (see `gather`). The second reads them from the cache in the prompts'
order, so the outcome does not depend on who computed what when, and a study that was killed and
restarted gives exactly the same tables.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.events import Progress
from analysis.problems import problem
from analysis.saliency.cases.folder import CaseFolder
from analysis.saliency.cases.instructions import instruction_mask
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.cases.prompt_sets import StudyPrompt
from analysis.saliency.cases.writer import NewCase
from analysis.saliency.gather import AskedCases, CaseAsker, CasesInput
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
        ratings: How well each model's response follows the prompt, 1 to 4; None if unknown.
    """

    id: str
    dataset: str
    prompt: str
    guessed: bool
    maps: tuple[SaliencyMap, ...]
    instructions: tuple[NDArray[np.bool_], ...]
    ratings: tuple[float | None, ...]


@dataclass(frozen=True)
class Collected(Generic[T]):
    """What a study collected from the cases.

    Attributes:
        models: The models' names, base before tuned.
        values: One for each case not left out, in the order of the prompts.
        notes: Sentences on cases left out, instructions guessed, responses cut.
        precisions: Precision and device of each model; empty if no model was asked.
        methods: The methods used for importance, each once.
    """

    models: tuple[str, ...]
    values: tuple[T, ...]
    notes: tuple[str, ...]
    precisions: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()


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
        return (yield from _read(given, measure))
    return (yield from _asked(given, measure))


def _read(library: CaseLibrary, measure: Callable[[StudyCase], T]) -> Asking[Collected[T]]:
    if not library.cases:
        raise problem("input", f"There is no case in {library.folder}.")
    values: list[T] = []
    for done, case in enumerate(library.cases):
        yield Progress("reading maps", done, len(library.cases), case.id)
        maps = tuple(library.map(case.id, model) for model in library.models)
        mask = library.text(case.id).instruction
        found = StudyCase(
            id=case.id,
            dataset=case.dataset,
            prompt=case.prompt,
            guessed=case.guessed,
            maps=maps,
            instructions=(mask,) * len(maps),
            ratings=case.ratings,
        )
        values.append(measure(found))
    guessed = sum(case.guessed for case in library.cases)
    return Collected(library.models, tuple(values), _on_guesses(guessed, len(values)))


def _asked(given: AskedCases, measure: Callable[[StudyCase], T]) -> Asking[Collected[T]]:
    asker = Asker(given.session)
    cases = CaseAsker(given, asker)
    names = given.base.name, given.tuned.name
    kept = yield from cases.fill_cache()
    stage = "reading maps" if kept else "asking both models"
    prompts = given.prompts.prompts
    values: list[T] = []
    guessed, cut = 0, [0, 0]
    precisions: tuple[set[str], set[str]] = set(), set()
    methods: set[str] = set()
    with CaseFolder(given.cases_folder, names) as folder:
        for done, prompt in enumerate(prompts):
            step = Progress(stage, done, len(prompts), prompt.id)
            yield step
            answers = yield from cases.answers(prompt, step)
            if answers is None:
                continue
            case = _case(prompt, answers)
            values.append(measure(case))
            folder.write(_stored(prompt, case))
            guessed += prompt.guessed
            cut = [old + (each.ended == "length") for old, each in zip(cut, answers, strict=True)]
            methods.update(each.method for each in answers)
            for seen, each in zip(precisions, answers, strict=True):
                seen.add(precision_of([each]))
        if not values:
            left_out = next(iter(cases.left_out.items()))
            raise problem("input", "No case has answers.", f"The first one: {': '.join(left_out)}")
        about_folder = folder.finish()
    notes = (
        *asker.notes,
        *on_left_out(cases.left_out),
        *(f"The line of a prompt was left out: {each}." for each in given.prompts.skipped),
        *_on_guesses(guessed, len(values)),
        *on_cuts(names, cut, len(values), given.longest),
        *(() if kept else ("The answers could not be kept: another run computes them again.",)),
        *about_folder,
    )
    return Collected(
        names,
        tuple(values),
        notes,
        tuple(in_words(each) for each in precisions),
        tuple(sorted(methods)),
    )


def _case(prompt: StudyPrompt, answers: tuple[Attribution, Attribution]) -> StudyCase:
    maps = tuple(SaliencyMap.from_attribution(each) for each in answers)
    return StudyCase(
        id=prompt.id,
        dataset=prompt.dataset,
        prompt=prompt.prompt,
        guessed=prompt.guessed,
        maps=maps,
        instructions=tuple(
            instruction_mask(each.prompt_tokens, prompt.instruction) for each in maps
        ),
        ratings=(None, prompt.rating),
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
        f"{number} of the {count} responses of {name} were cut at {limit} tokens."
        for name, number in zip(names, cut, strict=True)
        if number
    )


def case_parameters(
    given: CasesInput, computed: Sequence[str], methods: Sequence[str]
) -> dict[str, Cell]:
    """Parameters that say where the cases come from; `computed` is as in `model_parameters`."""
    if isinstance(given, CaseLibrary):
        index = (given.folder / "cases.jsonl").read_bytes()
        return {
            "case library": given.folder.name,
            "cases digest": hashlib.sha256(index).hexdigest(),
            "models": " and ".join(given.models),
        }
    return {
        **model_parameters(*given.pair, computed),
        "prompts": given.prompts.name,
        "prompts digest": given.prompts.digest,
        "number of prompts": len(given.prompts.prompts),
        "chat template of the tuned model": given.chat_template,
        "most new tokens": given.longest,
        "method": in_words(methods),
    }
