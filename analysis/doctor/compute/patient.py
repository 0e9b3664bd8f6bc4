"""A model under examination: opened as far as that is possible without its numbers."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from transformers import PreTrainedTokenizerBase

from analysis.doctor.findings import Finding, from_problem
from analysis.engine.loading import without_numbers
from analysis.engine.pool import ModelPool
from analysis.events import Progress
from analysis.models import checkpoint
from analysis.models.adapters import Adapter, holds_adapter, open_adapter
from analysis.models.checkpoint import Checkpoint
from analysis.models.places import Place, place_of
from analysis.models.references import is_hub_id, local_folder
from analysis.problems import ProblemError, problem
from analysis.request import ModelChoice

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Single = Literal["base", "tuned"]


@dataclass(frozen=True, eq=False)
class Patient:
    """One model of a pair.

    Attributes:
        subject: Which of the two it is.
        choice: What the user chose.
        place: Its folder and adapter.
        found: Its weight files and configuration.
        outline: The model without its numbers; None for quantised weights, which are only known
            once they are loaded.
        notes: What loading says beside.
        tokenizer: Its tokenizer.
        adapter: Its adapter, if it has one.
    """

    subject: Single
    choice: ModelChoice
    place: Place
    found: Checkpoint
    outline: PreTrainedModel | None
    notes: tuple[str, ...]
    tokenizer: PreTrainedTokenizerBase
    adapter: Adapter | None

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.choice.name


def opened(
    subject: Single, choice: ModelChoice, models: ModelPool, findings: list[Finding]
) -> Generator[Progress, None, Patient | None]:
    """Open one model; None if that fails, and why is added to the findings."""
    stage = "files"
    try:
        place = _place(choice)
        adapter = None
        if place.adapter is not None:
            stage = "adapter"
            adapter = open_adapter(
                place.adapter, name=choice.name, allow_pickle=choice.allow_pickle
            )
        stage = "files"
        found = checkpoint.inspect(place.folder)
        stage = "weights"
        model, notes = None, tuple[str, ...]()
        yield Progress("examine", 0, None, choice.name)
        if not found.quantised():
            found, model, notes = without_numbers(choice, place.folder)
        yield Progress("examine", 0, None, choice.name)
        stage = "tokenizer"
        tokenizer = yield from models.tokenizer(choice)
    except ProblemError as error:
        findings.append(from_problem(stage, "cannot", subject, error.problem))
        return None
    return Patient(subject, choice, place, found, model, notes, tokenizer, adapter)


def _place(choice: ModelChoice) -> Place:
    """Where a model is on this disk; nothing is downloaded for an examination."""
    folder = local_folder(choice)
    place = place_of(choice) if folder is not None else None
    if place is not None:
        return place
    if folder is None and not is_hub_id(choice):
        raise problem(
            "model",
            f"There is no folder {choice.location}.",
            remedy="Give the folder that holds config.json and the weights.",
        )
    what = f"{choice.name} is not on this disk."
    if folder is not None and holds_adapter(folder):
        what = f"The model beneath the adapter {choice.name} is not on this disk."
    raise problem(
        "model",
        what,
        "An examination downloads nothing.",
        "Open the pair once, which downloads it, or fetch it with hf download.",
    )
