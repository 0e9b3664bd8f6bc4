"""Hidden states of all layers at the last token of many texts, batch by batch (METHODS 5)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from analysis.engine.memory import Attempt, release
from analysis.engine.whereabouts import device_of

BATCH = 64
"""Maximum number of sequences in a forward pass; halved when memory runs out."""

MOST_TOKENS = 4_096
"""Maximum tokens in a forward pass, padding included, unless a single sequence has more."""


@dataclass
class Gathered:
    """States gathered so far, for a run that was stopped to go on with.

    Attributes:
        states: float32 [len(layers), n, D], filled in as batches are done; None before the first.
        done: How many sequences are, the shortest first.
        batch: Maximum number of sequences in the next forward pass.
    """

    states: NDArray[np.float32] | None = None
    done: int = 0
    batch: int = BATCH


def last_states(
    model: PreTrainedModel,
    sequences: Sequence[Sequence[int]],
    layers: Sequence[int],
    gathered: Gathered | None = None,
) -> Generator[int, None, NDArray[np.float32]]:
    """Hidden states at the last token of every sequence.

    Layer 0 is the output of the embeddings, layer l that of block l; as in transformers, the last
    layer includes the final norm. Shorter sequences are padded on the right, where a causal model
    does not see it.

    Args:
        model: A causal language model in evaluation mode.
        sequences: Token ids, at least one each.
        layers: Layers from 0 to L.
        gathered: What an earlier run with the same arguments has left; is filled in.

    Yields:
        The number of sequences done, after every batch.

    Returns:
        float32 [len(layers), n, D].
    """
    gathered = gathered or Gathered()
    # Batch sequences of similar length to save padding.
    order = sorted(range(len(sequences)), key=lambda index: len(sequences[index]))
    while gathered.done < len(order):
        longest = order[gathered.done : gathered.done + gathered.batch]
        width = len(sequences[longest[-1]])
        taken = longest[: max(1, MOST_TOKENS // width)]
        with Attempt(final=len(taken) == 1) as attempt:
            found = _states(model, [sequences[index] for index in taken], layers)
        if attempt.failed:
            release(device_of(model))
            gathered.batch = len(taken) // 2
            continue
        if gathered.states is None:
            shape = (len(layers), len(sequences), found.shape[2])
            gathered.states = np.empty(shape, dtype=np.float32)
        gathered.states[:, taken] = found
        gathered.done += len(taken)
        yield gathered.done
    if gathered.states is None:
        raise ValueError("there are no sequences")
    return gathered.states


def _states(
    model: PreTrainedModel, sequences: Sequence[Sequence[int]], layers: Sequence[int]
) -> NDArray[np.float32]:
    """float32 [len(layers), len(sequences), D] of one batch."""
    lengths = torch.tensor([len(each) for each in sequences])
    # Any id works as padding: the mask hides it, and no earlier token sees it.
    ids = torch.zeros((len(sequences), int(lengths.max())), dtype=torch.long)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
    mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
    # Indices on the CPU fit the states of layers on any device.
    rows, last, device = torch.arange(len(sequences)), lengths - 1, device_of(model)
    # Only the transformer body; the output layer is not needed.
    body: Any = model.base_model
    with torch.inference_mode():
        output = body(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            use_cache=False,
            output_hidden_states=True,
        )
        kept = [output.hidden_states[layer][rows, last].float().cpu() for layer in layers]
    return torch.stack(kept).numpy()
