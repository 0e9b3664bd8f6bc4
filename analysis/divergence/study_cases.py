"""The cases of the study of divergence: what is kept of each response that both models read.

What is kept does not grow with the vocabulary, and hardly with the response: sums over its places.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analysis.demo.catalog import held_out_phrasings
from analysis.divergence.kinds import KINDS, kinds
from analysis.divergence.result import Divergence
from analysis.divergence.study_input import DivergenceInput, Whose
from analysis.divergence.tables import END
from analysis.events import Progress
from analysis.problems import problem
from analysis.saliency.asking import BLOCK
from analysis.saliency.cases.prompt_sets import DEMO_PROMPTS, StudyPrompt
from analysis.session.drive import Asker, Asking, Filler
from analysis.studies.parameters import precision_of
from analysis.studies.patience import PatientAsker

POSITIONS: dict[str, tuple[int, int | None]] = {
    "0": (0, 1),
    "1–4": (1, 5),
    "5–16": (5, 17),
    "17–64": (17, 65),
    "65+": (65, None),
}
"""Groups of places by their position, from 0: the first, and the one behind the last."""


@dataclass(frozen=True)
class Places:
    """Some places of a response.

    Attributes:
        count: How many.
        parted: At how many of them the first choices differ.
        kl: Sum of KL(tuned ‖ base), in nats.
        gain: Sum of log p by tuned minus that by base, in nats, where both are finite.
        gained: At how many they are.
    """

    count: int
    parted: int
    kl: float
    gain: float
    gained: int

    @classmethod
    def of(cls, found: Divergence, chosen: NDArray[np.bool_] | slice) -> Places:
        """Those chosen of a divergence."""
        kl = np.asarray(found.kl[chosen], np.float64)
        both = np.asarray(found.log_p[:, chosen], np.float64)
        both = both[:, np.isfinite(both).all(axis=0)]
        return cls(
            len(kl),
            int(found.parted[chosen].sum()),
            float(kl.sum()),
            float((both[1] - both[0]).sum()),
            both.shape[1],
        )

    @property
    def mean_kl(self) -> float:
        """Over the places; there must be one."""
        return self.kl / self.count

    @property
    def share(self) -> float:
        """The share of places where the first choices differ; there must be one place."""
        return self.parted / self.count

    @property
    def mean_gain(self) -> float | None:
        """Over the places where it is finite; None if there are none."""
        return self.gain / self.gained if self.gained else None


@dataclass(frozen=True)
class Case:
    """One prompt and one response.

    Attributes:
        case: The prompt's id.
        task: The task it belongs to.
        category: Of the demo's tasks, their category; else empty.
        tokens: M, the response's tokens.
        ended: Whether the response is whole, so that its end is a place.
        every: All places.
        later: All but the first.
        positions: By the names of `POSITIONS`.
        kinds: By kind of token, where there is one.
        first: The first divergence; None if the models never part.
        choices: What base and tuned prefer there, with their own probabilities.
    """

    case: str
    task: str
    category: str
    tokens: int
    ended: bool
    every: Places
    later: Places
    positions: dict[str, Places]
    kinds: dict[str, Places]
    first: int | None
    choices: tuple[tuple[str, float], tuple[str, float]] | None

    @classmethod
    def of(cls, prompt: StudyPrompt, found: Divergence) -> Case:
        """What is kept of an answer."""
        task, category = _task_of(prompt)
        of_places = np.array(kinds(found))
        by_kind = {kind: Places.of(found, of_places == kind) for kind in KINDS}
        by_position = {
            name: Places.of(found, slice(start, end)) for name, (start, end) in POSITIONS.items()
        }
        first = found.first
        return cls(
            prompt.id,
            task,
            category,
            len(found.response_tokens),
            found.ended,
            Places.of(found, slice(None)),
            Places.of(found, slice(1, None)),
            {name: places for name, places in by_position.items() if places.count},
            {kind: places for kind, places in by_kind.items() if places.count},
            first,
            None if first is None else (_choice(found, 0, first), _choice(found, 1, first)),
        )


def task_of(case: Case) -> str:
    """The task of a case."""
    return case.task


def category_of(case: Case) -> str:
    """The category of its task, or the task that has none."""
    return case.category or case.task


def _choice(found: Divergence, side: int, place: int) -> tuple[str, float]:
    token, text, probability = found.choice(side, place)
    return END if token in found.ends[side] else text, probability


def _task_of(prompt: StudyPrompt) -> tuple[str, str]:
    """A prompt's task, and the category of a task of the demo; else its collection, and none."""
    if prompt.dataset == DEMO_PROMPTS:
        for each in held_out_phrasings():
            if each.id == prompt.id:
                return each.task, each.category
    return prompt.dataset, ""


@dataclass
class Collected:
    """What the study collected.

    Attributes:
        cases: By whose responses, in the order of the prompts; the same prompts in each.
        notes: What the answers say of themselves, and what happened on the way.
        left_out: Why a prompt was left out, by its id.
        precisions: Where and in which precision the tuned model ran.
        kept: Whether all answers are stored.
    """

    cases: dict[Whose, list[Case]] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    precisions: set[str] = field(default_factory=set)
    kept: bool = True


def collect(given: DivergenceInput) -> Asking[Collected]:
    """Ask about all prompts, in an order of its own: processes that share a cache share the work.

    Raises:
        ProblemError: ``input`` when no prompt has an answer; a problem that would affect every
            other prompt too.
    """
    asker = Asker(given.session)
    patient = PatientAsker(asker)
    found = Collected(notes=asker.notes, left_out=patient.left_out)
    kept = yield from _ahead(given, asker)
    cases: dict[str, list[Case]] = {}
    prompts = list(given.prompts.prompts)
    random.Random().shuffle(prompts)
    for done, prompt in enumerate(prompts):
        step = Progress("reading responses with both models", done, len(prompts), prompt.id)
        yield step
        read = yield from _read(given, patient, prompt, step, found)
        if read is not None:
            cases[prompt.id] = read
    if not cases:
        left_out = next(iter(patient.left_out.items()))
        raise problem("input", "No prompt has an answer.", f"The first one: {': '.join(left_out)}")
    found.kept = kept is not False
    in_order = [cases[each.id] for each in given.prompts.prompts if each.id in cases]
    found.cases = {
        whose: list(of)
        for whose, of in zip(given.response, zip(*in_order, strict=True), strict=True)
    }
    return found


def _ahead(given: DivergenceInput, asker: Asker) -> Asking[bool | None]:
    """Have all workers, if there are several, answer what is asked; whether that is kept."""
    if not isinstance(given.session, Filler):
        return None
    prompts = given.prompts.prompts
    for start in range(0, len(prompts), BLOCK):
        block = prompts[start : start + BLOCK]
        asked = [each for prompt in block for each in given.requests(prompt)]
        if not (yield from asker.ahead("reading responses with both models", asked)):
            return False
    return True


def _read(
    given: DivergenceInput,
    patient: PatientAsker,
    prompt: StudyPrompt,
    step: Progress,
    found: Collected,
) -> Asking[list[Case] | None]:
    """The cases of one prompt; None if one response cannot be had or read."""
    requests = given.requests(prompt)
    if not requests:
        patient.left_out[prompt.id] = "It has no reference response."
        return None
    cases: list[Case] = []
    for request in requests:
        ending = yield from patient.ask(request, prompt.id, step)
        if ending is None:
            return None
        answer: Divergence = ending.result
        cases.append(Case.of(prompt, answer))
        found.precisions.add(precision_of([answer]))
        found.notes.update(dict.fromkeys(answer.notes))
    return cases
