"""How far a study of cases is: the models' own responses, and what is asked about these.

What is asked about a response depends on it, and reading every stored one would take longer than
the look is worth: it is read of some prompts. Studies go through prompts in random order, so that
some speak for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from analysis.request import Request
from analysis.saliency.gather import AskedCases, Written, golden
from analysis.saliency.study_measures import COMPARED, DELETION, again
from analysis.studies.outlook import Outlook

if TYPE_CHECKING:
    from analysis.saliency.cases.prompt_sets import StudyPrompt
    from analysis.saliency.result import Attribution

_LOOKED_AT = 12

Answered = Sequence["Attribution"]
Further = Callable[[AskedCases, "StudyPrompt", Answered], list[Request[Any]]]


def of_responses(given: AskedCases) -> Outlook:
    """Of a study that explains the models on their own, and on each other's responses."""
    asked = given.response
    count = ("base" in asked) + ("tuned" in asked) + 2 * ("reference" in asked)
    return _of_cases(given, count, _explained)


def of_methods(given: AskedCases) -> Outlook:
    """Of the study that explains the models' own responses in several ways."""
    # Beside the plain gradient, and with the curves.
    ways = {each.method for each in (*COMPARED, DELETION)}
    return _of_cases(given, 2 * len(ways), _compared)


def _of_cases(given: AskedCases, count: int, further: Further) -> Outlook:
    session, prompts = given.session, given.prompts.prompts
    own = list(chain.from_iterable(map(given.requests, prompts)))
    found = Outlook.of(session, own)
    if not count:
        return found
    looked, kept, at_most = prompts[:: -(-len(prompts) // _LOOKED_AT)], 0, 0
    for prompt in looked:
        answers = [session.cached(request) for request in given.requests(prompt)]
        there = [each for each in answers if each is not None]
        if len(there) == len(answers):
            requests = further(given, prompt, there)
            at_most += len(requests)
            kept += sum(map(session.holds, requests))
        else:
            at_most += count
    others = count * len(prompts)
    return found.with_others(others, round(others * kept / max(1, at_most)), own)


def _explained(given: AskedCases, prompt: StudyPrompt, answers: Answered) -> list[Request[Any]]:
    base, tuned = (
        Written.of(answer, model) for answer, model in zip(answers, given.pair, strict=True)
    )
    found: list[Request[Any]] = []
    if "base" in given.response:
        found.append(given.explaining(prompt, 1, base))
    if "tuned" in given.response:
        found.append(given.explaining(prompt, 0, tuned))
    if "reference" in given.response and prompt.reference:
        for side, own in enumerate(given.requests(prompt)):
            words = golden(prompt.prompt, prompt.reference, chat_template=own.chat_template)
            found.append(given.explaining(prompt, side, words))
    return found


def _compared(given: AskedCases, prompt: StudyPrompt, answers: Answered) -> list[Request[Any]]:
    methods = dict.fromkeys(each.method for each in (*COMPARED, DELETION))
    return [
        again(request, answer, method)
        for request, answer in zip(given.requests(prompt), answers, strict=True)
        for method in methods
        if method != "auto"
    ]
