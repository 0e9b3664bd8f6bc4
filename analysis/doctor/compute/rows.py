"""Whether a model ever saw its template's markers: rows of input embeddings (METHODS 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from analysis.doctor.compute.patient import Patient
from analysis.doctor.compute.texts import markers_of
from analysis.doctor.findings import Finding
from analysis.engine.weights import open_weights
from analysis.engine.weights.tensors import DiskTensors
from analysis.problems import ProblemError

# Rows whose lengths stand for all.
_SAMPLE = 2048
# Shorter than all but this share of rows, and than this part of the median: it sticks out.
_SHARE, _PART = 0.005, 0.6
# Rows of equal tokens have a cosine of 1; those of trained ones are far from that.
_SAME = 0.999


@dataclass(frozen=True)
class Row:
    """How a token's row stands out among all: its length, and another marker with the same row.

    `length` is in units of the median length.
    """

    token: str
    length: float
    short: bool
    twin: bool

    @property
    def stands_out(self) -> bool:
        """Whether the row looks as if training had never moved it."""
        return self.short or self.twin


def check_markers(base: Patient, tuned: Patient) -> Iterator[Finding]:
    """Whether base and tuned model know the markers of the tuned model's template."""
    markers = {
        each: ids[0]
        for each in markers_of(tuned.tokenizer)
        if len(ids := tuned.tokenizer(each, add_special_tokens=False)["input_ids"]) == 1
    }
    if not markers:
        return
    unknown = [each for each, index in markers.items() if _id(base.tokenizer, each) != index]
    if unknown:
        yield Finding(
            "markers",
            "warning",
            "base",
            f"{base.name} does not have {', '.join(unknown)}.",
            "Tuning added what its chat template is made of. The base model would read it in "
            "pieces that mean nothing to it, so a chat prompt cannot be compared.",
            "Compare raw prompts: t in the Prompt view, without --chat-template.",
        )
    known = {each: index for each, index in markers.items() if each not in unknown}
    read = {patient.subject: rows_of(patient, known) for patient in (base, tuned)}
    strange = {
        subject: {row.token: row for row in rows if row.stands_out}
        for subject, rows in read.items()
    }
    untouched = [each for each in strange["tuned"] if each in strange["base"]]
    if untouched:
        how = _in_words(untouched, strange["base"])
        yield Finding(
            "markers",
            "warning",
            "tuned",
            f"{tuned.name} hardly saw {', '.join(untouched)}, its own template's markers.",
            f"In both models their rows of the input embeddings {how}, "
            "as rows do that no training text has moved.",
            "Check that this is the template the model was tuned on; for an adapter, that its "
            "embeddings were saved with it (modules_to_save).",
        )
    only = [each for each in strange["base"] if each not in strange["tuned"]]
    if only:
        yield Finding(
            "markers",
            "ok",
            "base",
            f"{base.name} probably never saw {', '.join(only)}: only tuning moved their rows.",
            f"In the base model they {_in_words(only, strange['base'])}. That is usual; "
            "it only speaks against showing a chat prompt to the base model.",
        )
    if read["base"] and not (unknown or untouched or only):
        yield Finding(
            "markers",
            "ok",
            "base",
            f"{base.name} has an embedding of ordinary length for {', '.join(known)}.",
            "That does not prove that it saw them in training.",
        )


def _id(tokenizer: PreTrainedTokenizerBase, token: str) -> int | None:
    found: int | None = tokenizer.get_vocab().get(token)
    return found


def _in_words(tokens: list[str], strange: Mapping[str, Row]) -> str:
    rows = [strange[each] for each in tokens]
    if all(row.twin for row in rows):
        return "are all the same"
    shortest = min(row.length for row in rows)
    return f"are short ({shortest:.2g} of the median length)"


def rows_of(patient: Patient, markers: dict[str, int]) -> list[Row]:
    """How the rows of some tokens stand out among a sample of all rows.

    Args:
        patient: The model, whose rows are read from its files.
        markers: Tokens and their ids; ids without a row are left out.

    Returns:
        One for each token; none if the rows cannot be read.
    """
    table = _embeddings(patient)
    if table is None or not markers:
        return []
    read, rows = table
    markers = {each: index for each, index in markers.items() if index < rows}
    if not markers:
        return []
    sample = torch.linspace(0, rows - 1, min(_SAMPLE, rows)).round().long()
    own = set(markers.values())
    sample = torch.tensor([each for each in sample.tolist() if each not in own])
    lengths = read(sample).norm(dim=1)
    typical = float(lengths.median())
    if not len(lengths) or typical == 0:
        return []
    limit = min(float(lengths.quantile(_SHARE)), _PART * typical)
    found = read(torch.tensor(list(markers.values())))
    unit = torch.nn.functional.normalize(found, dim=1)
    alike = (unit @ unit.T - torch.eye(len(unit))).amax(dim=1) > _SAME
    return [
        Row(token, float(length) / typical, bool(length < limit), bool(twin))
        for token, length, twin in zip(markers, found.norm(dim=1), alike, strict=True)
    ]


def _embeddings(patient: Patient) -> tuple[Callable[[Tensor], Tensor], int] | None:
    """What reads rows of the input embeddings, and how many there are; None if nothing does.

    The rows of an adapted model are known where its family has an adapter of weights.
    """
    try:
        if patient.adapter is not None:
            weights = open_weights(patient.place.folder, patient.adapter)
            return weights.input_embeddings, weights.vocabulary
        return _on_disk(patient)
    except ProblemError:
        return None


def _on_disk(patient: Patient) -> tuple[Callable[[Tensor], Tensor], int] | None:
    """The embeddings among the stored tensors, whatever the family calls them."""
    if patient.outline is None or patient.found.pickled:
        return None
    table = next(patient.outline.get_input_embeddings().parameters())
    names = [
        name
        for name, value in patient.outline.named_parameters(remove_duplicate=False)
        if value is table
    ]
    tensors = DiskTensors(patient.found)
    for name in tensors.names():
        fits = tensors.shape(name) == tuple(table.shape)
        if fits and any(
            f".{own}".endswith(f".{name}") or f".{name}".endswith(f".{own}") for own in names
        ):
            return partial(tensors.read, name), len(table)
    return None
