"""How every tensor of a layer changed, and along which directions, in words (METHODS 10)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import torch
from torch import Tensor

from analysis.changes.compute.reading import difference, size
from analysis.changes.compute.spectrum import (
    Spectrum,
    product_spectrum,
    signed,
    singular_values_of_product,
    spectrum,
)
from analysis.changes.request import OUTSIDE, ChangesRequest
from analysis.changes.result import Directions, LayerChanges, TensorChange
from analysis.concepts.compute.principal import nearest_words
from analysis.engine.memory import free_bytes, readable
from analysis.engine.pool import ModelPool, layer_weights
from analysis.engine.weights import ModelWeights
from analysis.engine.weights.adapter_file import LowRank
from analysis.engine.weights.matrices import WeightTensor, matrices, outside_layers
from analysis.events import Progress, Steps
from analysis.models.places import Place
from analysis.problems import problem
from analysis.request import ModelChoice
from analysis.words.compute.lexicon import UnitWords, unit_words

# What working on a change takes, as a multiple of its size.
_ROOM = 1.5

_PLAIN = Directions(
    singular_values=np.zeros(0),
    settled=np.zeros(0, np.bool_),
    effective_rank=0.0,
    effective_rank_error=0.0,
    holding=0,
    holding_exact=True,
    side="",
    embeddings="",
    words=(),
    word_indices=np.zeros((0, 2, 0), np.int32),
    cosines=np.zeros((0, 2, 0), np.float32),
)


def changes(request: ChangesRequest, models: ModelPool) -> Steps[LayerChanges]:
    """How every tensor of a layer changed from base to tuned model (METHODS 10).

    Raises ProblemError if a model or the words cannot be used, or the models have hardly a tensor
    in common.
    """
    started = time.monotonic()
    base = yield from layer_weights(request.base, max(0, request.layer), models)
    tuned = yield from layer_weights(request.tuned, max(0, request.layer), models)
    pairs, notes = _matched(request, _tensors(base, request.layer), _tensors(tuned, request.layer))
    yield Progress("words", 0, None)
    words = {
        "input": (yield from unit_words(request.tuned, request.words, models, "input")),
        "output": (yield from unit_words(request.tuned, request.words, models, "output")),
    }
    device = words["input"].vectors.device
    on_base = yield from _is_adapter_on(request.base, request.tuned, models)
    found: list[TensorChange] = []
    for before, after in pairs:
        yield Progress("changes", len(found), len(pairs), "tensors")
        fits = _ROOM * size(before) < free_bytes(torch.device("cpu"))
        if before.is_matrix and not fits:
            notes.append(
                f"The directions of {before.role} are left out: its change takes "
                f"{readable(size(before))}, and there is no room for it in memory."
            )
        keep = before.is_matrix and fits
        product = _product(tuned, after) if on_base else None
        change = difference(
            base.tensors, tuned.tensors, before, after, keep=keep and product is None
        )
        directions = None
        if product is not None:
            # Of W + ΔW − W in float32, rounding would be a part.
            change.norm_change = float(np.linalg.norm(singular_values_of_product(*product)))
            if change.norm_change:
                directions = directions_of(
                    product, before, words[before.words], request.rank, request.top
                )
        elif keep and change.norm_change:
            blocks = [block.to(device) for block in change.blocks]
            # The reader's blocks are not needed twice on a device of its own.
            change.blocks.clear()
            directions = directions_of(
                blocks, before, words[before.words], request.rank, request.top
            )
            del blocks
        found.append(
            TensorChange(
                role=before.role,
                tensor=before.names[0],
                shape=before.in_out,
                experts=before.experts,
                norm_base=change.norm_base,
                norm_change=change.norm_change,
                directions=directions,
            )
        )
    yield Progress("changes", len(found), len(pairs), "tensors")
    return LayerChanges(
        layer=request.layer,
        base=request.base.name,
        tuned=request.tuned.name,
        tensors=tuple(found),
        notes=tuple(dict.fromkeys((*notes, *words["output"].lexicon.notes))),
        seconds=time.monotonic() - started,
        device=str(device),
    )


def _is_adapter_on(base: ModelChoice, tuned: ModelChoice, models: ModelPool) -> Steps[bool]:
    """Whether the tuned model is the base model with an adapter."""
    under, own = (yield from models.place(base)), (yield from models.place(tuned))
    return own.adapter is not None and under == Place(own.folder)


def _product(tuned: ModelWeights, tensor: WeightTensor) -> LowRank | None:
    """An adapter's change of one matrix, [out, r] and [r, in]; None where it is no product."""
    found = tuned.low_rank(tensor.names[0]) if len(tensor.names) == 1 else None
    if found is None or not tensor.is_matrix or tensor.out_by_in:
        return found
    return LowRank(found.down.T, found.up.T)


def directions_of(
    change: Sequence[Tensor] | LowRank, tensor: WeightTensor, words: UnitWords, rank: int, top: int
) -> Directions:
    """The first directions of a matrix's change, on the side that has words.

    Args:
        change: ΔW as float32 [in, out], one of each expert's; or as a product. Not all zero.
        tensor: What it is the change of.
        words: Of the embeddings that `tensor.words` names.
        rank: R.
        top: K, the words at either end.
    """
    if isinstance(change, LowRank):
        found = product_spectrum(change, rank, of_inputs=tensor.side != "writes")
    else:
        found = _spectrum(change, tensor, rank)
    described = msgspec.structs.replace(
        _PLAIN,
        singular_values=found.singular_values,
        settled=found.settled,
        effective_rank=found.effective_rank,
        effective_rank_error=found.effective_rank_error,
        holding=found.holding,
        holding_exact=found.holding_exact,
        word_indices=np.zeros((len(found.settled), 2, 0), np.int32),
        cosines=np.zeros((len(found.settled), 2, 0), np.float32),
    )
    if not tensor.side:
        return described
    both = torch.cat([found.directions, -found.directions]).to(words.vectors.device)
    nearest, cosines = nearest_words(both, words.vectors, top, "projection")
    used, places = np.unique(nearest, return_inverse=True)
    shape = (2, len(found.settled), nearest.shape[1])
    cosines = cosines.reshape(shape) * np.array([1, -1], np.float32)[:, None, None]
    return msgspec.structs.replace(
        described,
        side=tensor.side,
        embeddings=tensor.words,
        words=tuple(words.lexicon.words[each] for each in used.tolist()),
        word_indices=places.reshape(shape).swapaxes(0, 1).astype(np.int32),
        cosines=np.ascontiguousarray(cosines.swapaxes(0, 1)),
    )


def _spectrum(blocks: Sequence[Tensor], tensor: WeightTensor, rank: int) -> Spectrum:
    """The spectrum, its directions on the residual stream's side if the matrix has one."""
    inputs, outputs = blocks[0].shape
    own = outputs if tensor.side == "writes" else inputs
    other = inputs + outputs - own
    # Blocks stand one on top of the other, and what they share is looked at. One matrix alone is
    # looked at from its narrower side.
    if len(blocks) > 1 or own <= other:
        upright = [b if tensor.side == "writes" else b.T for b in blocks]
        return spectrum(upright, rank)
    (block,) = blocks
    upright = [block.T if tensor.side == "writes" else block]
    found = spectrum(upright, rank)
    turned = torch.nn.functional.normalize(
        found.directions @ upright[0].T.to(found.directions.dtype), dim=1
    )
    return replace(found, directions=signed(turned))


def _tensors(weights: ModelWeights, layer: int) -> list[WeightTensor]:
    return outside_layers(weights) if layer == OUTSIDE else matrices(weights, layer)


def _matched(
    request: ChangesRequest, base: list[WeightTensor], tuned: list[WeightTensor]
) -> tuple[list[tuple[WeightTensor, WeightTensor]], list[str]]:
    """The tensors that both models have, by role, and what is said of the others."""
    theirs = {each.role: each for each in tuned}
    pairs, notes = [], []
    for before in base:
        after = theirs.pop(before.role, None)
        if after is None:
            notes.append(_alone(before.role, request.base.name))
        elif _comparable(before, after):
            pairs.append((before, after))
            if before.shape != after.shape:
                notes.append(_resized(before, after, request))
        else:
            notes.append(
                f"{before.role} is left out: it is {_shape(before)} in {request.base.name}, "
                f"{_shape(after)} in {request.tuned.name}."
            )
    notes += [_alone(role, request.tuned.name) for role in theirs]
    if not pairs:
        raise problem(
            "input",
            f"{request.base.name} and {request.tuned.name} have no tensor in common.",
            " ".join(notes),
            "Choose a tuned model that was trained from this base model.",
        )
    return pairs, notes


def _comparable(before: WeightTensor, after: WeightTensor) -> bool:
    """Whether only the number of rows differs, and that of one tensor that is no expert's."""
    if (before.stacked, before.out_by_in) != (after.stacked, after.out_by_in):
        return False
    if len(before.names) != len(after.names) or before.shape[1:] != after.shape[1:]:
        return False
    return before.shape == after.shape or not before.experts


def _resized(before: WeightTensor, after: WeightTensor, request: ChangesRequest) -> str:
    rows = [each.shape[0] for each in (before, after)]
    return (
        f"{before.role} has {rows[0]:,} rows in {request.base.name} and {rows[1]:,} in "
        f"{request.tuned.name}: the first {min(rows):,} are compared."
    )


def _alone(role: str, model: str) -> str:
    return f"Only {model} has {role}."


def _shape(tensor: WeightTensor) -> str:
    apart = f"{len(tensor.names)} of " if len(tensor.names) > 1 else ""
    return apart + str(list(tensor.shape))
