"""What can be analysed of a pair, by the refusals of the analyses themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from analysis.doctor.compute.patient import Patient
from analysis.doctor.findings import Finding, from_problem
from analysis.engine.facts import architecture_of
from analysis.engine.weights import ModelWeights, open_weights
from analysis.models.request import built_alike
from analysis.neurons.compute.feed_forward import feed_forwards
from analysis.problems import Problem, ProblemError

_ANY = "Saliency and Clusters work with any causal model; a trial shows by which method."


def check_weights(base: Patient, tuned: Patient) -> Iterator[Finding]:
    """Whether Heads and Concepts can take the weights apart and compare them layer by layer."""
    opened: list[ModelWeights] = []
    for patient in (base, tuned):
        try:
            opened.append(open_weights(patient.place.folder, patient.adapter))
        except ProblemError as error:
            if patient.adapter is not None and _opens(patient.place.folder):
                # The weights beneath are understood: the adapter does not fit them.
                yield from_problem("adapter", "cannot", patient.subject, error.problem)
            else:
                yield _unavailable(
                    "Heads and Concepts", "heads and concepts", patient, error.problem
                )
            return
    architectures = [
        architecture_of(patient.choice, weights)
        for patient, weights in zip((base, tuned), opened, strict=True)
    ]
    try:
        shape = built_alike(*architectures).shape()
    except ProblemError as error:
        found = error.problem
        yield Finding("heads and concepts", "warning", "pair", found.what, found.why, found.remedy)
        return
    # Notes on how the numbers of this family are meant.
    notes = " ".join(dict.fromkeys(note for weights in opened for note in weights.notes))
    yield Finding(
        "heads and concepts",
        "ok",
        "pair",
        f"Heads and Concepts can be read from the weights: {shape}.",
        notes,
    )


def _opens(folder: Path) -> bool:
    try:
        open_weights(folder)
    except ProblemError:
        return False
    return True


def check_neurons(base: Patient, tuned: Patient) -> Iterator[Finding]:
    """Whether Neurons can watch the feed-forward neurons."""
    for patient in (base, tuned):
        if patient.outline is None:
            continue
        try:
            feed_forwards(patient.outline)
        except ProblemError as error:
            yield _unavailable("Neurons", "neurons", patient, error.problem)
            return
    if base.outline is not None and tuned.outline is not None:
        yield Finding("neurons", "ok", "pair", "Neurons can watch the feed-forward neurons.")


def _unavailable(views: str, check: str, patient: Patient, problem: Problem) -> Finding:
    return Finding(
        check,
        "warning",
        patient.subject,
        f"{views} cannot be used with {patient.name}. {problem.what}",
        problem.why,
        f"{problem.remedy} {_ANY}".strip(),
    )
