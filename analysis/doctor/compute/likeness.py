"""Checks of how the two models' weights relate: the same, an adapter's effect, tied heads."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.doctor.compute.patient import Patient
from analysis.doctor.findings import Finding, from_problem
from analysis.engine.weights.adapter_file import stored
from analysis.events import Progress
from analysis.models.adapters import Adapter
from analysis.models.checkpoint import Checkpoint, TensorPlace
from analysis.models.places import place_of, trained_on
from analysis.models.references import is_hub_id, resolve
from analysis.problems import ProblemError

# Bytes of each tensor that are compared first: tuning moves nearly all numbers of a matrix.
_BEGINNING = 1 << 16
_BLOCK = 1 << 24


def check_same(base: Patient, tuned: Patient) -> Generator[Progress, None, list[Finding]]:
    """Whether the two models differ at all."""
    if tuned.adapter is not None:
        return list(_check_adapter(base, tuned, tuned.adapter))
    if base.adapter is not None or base.found.pickled or tuned.found.pickled:
        return []
    same = base.place.folder == tuned.place.folder
    equal, compared = 0, 0
    if not same:
        equal, compared = yield from _equal(base.found, tuned.found)
        same = 0 < compared == equal == len(tuned.found.names())
    if same:
        return [
            Finding(
                "weights differ",
                "warning",
                "pair",
                f"{base.name} and {tuned.name} are the same model, number for number.",
                "Every difference between them is zero; there is no tuning to see.",
                "Give two different models.",
            )
        ]
    if equal and equal == compared:
        return []
    part = f"{compared - equal:,} of {compared:,} tensors differ" if compared else ""
    return [Finding("weights differ", "ok", "pair", f"{part} between the two models.")] * bool(part)


def _equal(base: Checkpoint, tuned: Checkpoint) -> Generator[Progress, None, tuple[int, int]]:
    """How many tensors are equal, and how many could be compared byte by byte.

    Tensors are read in full only while no difference has been found at all.
    """
    ours = {place.name: place for place in base.places()}
    both = [(ours[place.name], place) for place in tuned.places() if place.name in ours]
    both = [(a, b) for a, b in both if (a.dtype, a.shape) == (b.dtype, b.shape)]
    equal = []
    for number, (a, b) in enumerate(both):
        if number % 64 == 0:
            yield Progress("compare", number, len(both), "tensors")
        if np.array_equal(_bytes(a)[:_BEGINNING], _bytes(b)[:_BEGINNING]):
            equal.append((a, b))
    if len(equal) < len(both):
        return len(equal), len(both)
    for number, (a, b) in enumerate(equal):
        first, second = _bytes(a), _bytes(b)
        for start in range(0, len(first), _BLOCK):
            yield Progress("compare", number, len(both), "tensors")
            block = slice(start, start + _BLOCK)
            if not np.array_equal(first[block], second[block]):
                return len(both) - 1, len(both)
    return len(both), len(both)


def _bytes(place: TensorPlace) -> NDArray[np.uint8]:
    if not place.size:
        return np.empty(0, np.uint8)
    mapped: np.memmap[Any, Any] = np.memmap(
        place.file, np.uint8, mode="r", offset=place.offset, shape=(place.size,)
    )
    return mapped


def _check_adapter(base: Patient, tuned: Patient, adapter: Adapter) -> Iterator[Finding]:
    """Whether an adapter belongs to what is beneath it, and changes anything."""
    yield from _check_origin(base, tuned, adapter)
    try:
        tensors = stored(adapter)
    except ProblemError as error:
        yield from_problem("adapter", "cannot", "tuned", error.problem)
        return
    ups = [name for name in tensors if ".lora_B" in name or ".lora_embedding_B" in name]
    other = [name for name in tensors if ".lora_" not in name or "magnitude" in name]
    if not other and not any(bool(tensors[name].any()) for name in ups):
        yield Finding(
            "adapter",
            "warning",
            "tuned",
            f"The adapter {tuned.name} changes nothing: it adds zero to every weight.",
            "With it and without it the model is the same, as before the first step of training.",
            "Give the adapter that training wrote last.",
        )
    else:
        kind = "DoRA" if adapter.settings.get("use_dora") else "LoRA"
        yield Finding(
            "adapter",
            "ok",
            "tuned",
            f"{tuned.name} is a {kind} adapter of {len(ups):,} changes; base and tuned model "
            "share one copy in memory.",
        )


def _check_origin(base: Patient, tuned: Patient, adapter: Adapter) -> Iterator[Finding]:
    """Whether the adapter was trained on the model beneath it, as far as it says on which."""
    if not adapter.base or _is_called(adapter.base, base):
        return
    named = adapter.base
    try:
        named = trained_on(adapter.folder)
        place = place_of(resolve(named))
    except (ProblemError, OSError):
        place = None
    if place is not None and place.mark == base.place.mark:
        return
    sure = place is not None
    yield Finding(
        "adapter origin",
        "warning",
        "tuned",
        f"The adapter {tuned.name} was trained on {named}, and stands on {base.name} here.",
        "Their files differ: the sum of both is a model that nobody trained."
        if sure
        else "Whether these are the same weights cannot be told: that one is not on this disk "
        "under its name. An adapter on another model of the same shape gives wrong numbers, and "
        "no error.",
        "Leave --base out to use the model that the adapter names."
        if sure
        else "Make sure that they are the same model.",
    )


def _is_called(named: str, base: Patient) -> bool:
    """Whether the model beneath goes by the name that the adapter gives its own."""
    if base.choice.bare and not base.choice.beneath:
        # It was found by this very name.
        return True
    location = base.choice.location
    return named == location if is_hub_id(base.choice) else named.rstrip("/") == location


def check_heads(base: Patient, tuned: Patient) -> Iterator[Finding]:
    """Whether the output heads of both are tied to their input embeddings, or of neither."""
    if base.outline is None or tuned.outline is None or tuned.adapter is not None:
        return
    tied = [_is_tied(each) for each in (base, tuned)]
    if tied[0] != tied[1]:
        own, shared = (base, tuned) if tied[1] else (tuned, base)
        yield Finding(
            "tied heads",
            "warning",
            "pair",
            f"{own.name} has an output head of its own; that of {shared.name} is its input "
            "embeddings.",
            "Words that a layer writes are read with the output head: between these two models "
            "they may differ because the heads do, not because the layers do.",
            "Check that tuning untied the head on purpose; a lost tie_word_embeddings does this.",
        )
    else:
        yield Finding(
            "tied heads",
            "ok",
            "pair",
            "In both models the output head is the input embeddings."
            if tied[0]
            else "Both models have an output head of their own.",
        )


def _is_tied(patient: Patient) -> bool:
    model: Any = patient.outline
    head = model.get_output_embeddings()
    table = model.get_input_embeddings()
    return head is not None and getattr(head, "weight", None) is getattr(table, "weight", 0)
