"""The examination of a pair: all checks that need no numbers of the models, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from analysis.doctor.compute.abilities import check_neurons, check_weights
from analysis.doctor.compute.likeness import check_heads, check_same
from analysis.doctor.compute.needs import check_kernels, check_memory, check_peft
from analysis.doctor.compute.patient import Patient, opened
from analysis.doctor.compute.rows import check_markers
from analysis.doctor.compute.texts import check_template, check_tokenizers, check_turn_end
from analysis.doctor.findings import Finding, Findings, from_problem
from analysis.doctor.request import ExaminationRequest
from analysis.engine.pool import ModelPool
from analysis.events import Progress, Steps
from analysis.problems import ProblemError

Check = Callable[[Patient, Patient], Iterator[Finding]]

_OF_PAIRS: tuple[Check, ...] = (
    check_tokenizers,
    lambda base, tuned: check_template(tuned),
    check_markers,
    lambda base, tuned: check_turn_end(tuned),
    check_heads,
    check_kernels,
    check_peft,
    check_weights,
    check_neurons,
)


def examine(request: ExaminationRequest, models: ModelPool) -> Steps[Findings]:
    """What is wrong with a pair as far as its files tell; loads no weights, downloads nothing.

    A model that cannot be used ends the examination; why is a finding, never an error.
    """
    found: list[Finding] = []
    base = yield from opened("base", request.base, models, found)
    tuned = yield from opened("tuned", request.tuned, models, found)
    if base is None or tuned is None:
        return Findings(tuple(found))
    found += [_complete(base), _complete(tuned)]
    found += yield from check_same(base, tuned)
    for number, check in enumerate(_OF_PAIRS):
        yield Progress("examine", number, len(_OF_PAIRS), "checks")
        try:
            found += check(base, tuned)
        except ProblemError as error:
            found.append(from_problem("examination", "cannot", "pair", error.problem))
    found += check_memory(base, tuned, models)
    return Findings(tuple(found))


def _complete(patient: Patient) -> Finding:
    files = len(patient.found.weights)
    where = "one file" if files == 1 else f"{files} files"
    if patient.outline is None:
        return Finding(
            "weights",
            "ok",
            patient.subject,
            f"{patient.name} is quantised ({patient.found.quantised()}), in {where}.",
            "Whether every weight is there shows when it is loaded.",
        )
    parameters = sum(each.numel() for each in patient.outline.parameters())
    beneath = "The model beneath " if patient.adapter is not None else ""
    return Finding(
        "weights",
        "ok",
        patient.subject,
        f"{beneath}{patient.name} is complete: {parameters:,} parameters in {where}.",
        " ".join(patient.notes),
    )
