"""The model, instances as token ids, and hidden states of all layers at the input token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from transformers import GPT2Config, GPT2LMHeadModel

from analysis.clustering.training.generator import TASK_SYMBOLS
from analysis.clustering.training.instances import Instance
from analysis.clustering.training.patterns import INSTRUCTION_SYMBOLS
from analysis.clustering.training.settings import DataSettings, Learned, TrainingSettings

_BATCH = 512
"""Number of instances per step in evaluation."""

_ROW = 8
"""This many batches are sorted by length together; more would make batches too uniform."""


def new_model(data: DataSettings, training: TrainingSettings) -> GPT2LMHeadModel:
    """GPT-2 with weights from torch's generator; one token per symbol, tied output embeddings."""
    config = GPT2Config(
        vocab_size=data.instruction_symbols + data.task_symbols,
        # An instruction and its input; the output is predicted, never an input.
        n_positions=data.longest_instruction + 1,
        n_embd=training.hidden,
        n_inner=training.feed_forward,
        n_layer=training.layers,
        n_head=training.heads,
        activation_function="gelu_pytorch_tanh",  # the same as GPT-2's, in one kernel
        embd_pdrop=training.dropout,
        attn_pdrop=training.dropout,
        resid_pdrop=training.dropout,
        initializer_range=training.deviation,
        use_cache=False,
        bos_token_id=None,
        eos_token_id=None,
        # The only implementation whose backward pass is deterministic on every device.
        attn_implementation="eager",  # type: ignore[call-arg]  # transformers leaves it out
    )
    return GPT2LMHeadModel(config)


@dataclass(frozen=True, eq=False)
class Encoded:
    """Instances as ids: int64 [n, longest], with zeros that nothing attends to after the input.

    `last` is int64 [n], the input's position; `outputs` int64 [n].
    """

    ids: Tensor
    last: Tensor
    outputs: Tensor

    @classmethod
    def of(cls, instances: Sequence[Instance], data: DataSettings, device: torch.device) -> Encoded:
        """The ids of instances, on `device`."""
        symbols = INSTRUCTION_SYMBOLS[: data.instruction_symbols]
        symbols += TASK_SYMBOLS[: data.task_symbols]
        number = {symbol: index for index, symbol in enumerate(symbols)}
        ids = np.zeros((len(instances), data.longest_instruction + 1), dtype=np.int64)
        for row, each in enumerate(instances):
            text = each.instruction + each.input
            ids[row, : len(text)] = [number[symbol] for symbol in text]
        last = [len(each.instruction) for each in instances]
        outputs = [number[each.output] for each in instances]
        return cls(
            torch.from_numpy(ids).to(device),
            torch.tensor(last, device=device),
            torch.tensor(outputs, device=device),
        )

    def batch(self, rows: Tensor) -> Encoded:
        """Some of the instances, without unneeded padding columns."""
        last = self.last[rows]
        return Encoded(self.ids[rows, : int(last.max()) + 1], last, self.outputs[rows])


def shuffled(encoded: Encoded, size: int) -> Iterator[Encoded]:
    """Every instance once, in batches of similar length, shuffled by torch's generator."""
    order = torch.randperm(len(encoded.last)).to(encoded.last.device)
    batches: list[Tensor] = []
    for row in _parts(order, size * _ROW):
        batches += _parts(row[encoded.last[row].argsort(stable=True)], size)
    for index in torch.randperm(len(batches)).tolist():
        yield encoded.batch(batches[index])


def _parts(rows: Tensor, size: int) -> list[Tensor]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def loss_of(model: GPT2LMHeadModel, batch: Encoded, learned: Learned) -> Tensor:
    """Mean cross-entropy in nats of every token after the first, or of the outputs."""
    states = model.transformer(batch.ids).last_hidden_state
    places = torch.arange(batch.ids.shape[1], device=states.device)
    if learned == "output":
        predicting = places == batch.last[:, None]
    else:
        predicting = places <= batch.last[:, None]
    following = batch.ids.roll(-1, dims=1).scatter(1, batch.last[:, None], batch.outputs[:, None])
    return functional.cross_entropy(model.lm_head(states[predicting]), following[predicting])


@dataclass(frozen=True, eq=False)
class Read:
    """A model's states and predictions on instances.

    Attributes:
        states: float32 [layers + 1, n, D] at the input's token; layer 0 is the input of the first
            block, the last layer includes the final norm.
        correct: bool [n], the output is the most probable token.
        losses: float32 [n], cross-entropy of the output in nats.
    """

    states: NDArray[np.float32]
    correct: NDArray[np.bool_]
    losses: NDArray[np.float32]


@torch.inference_mode()
def read(model: GPT2LMHeadModel, encoded: Encoded) -> Read:
    """Run a model over instances, without dropout; the model is left in evaluation mode."""
    model.train(False)
    count, config = len(encoded.last), model.config
    states = np.empty((config.n_layer + 1, count, config.n_embd), dtype=np.float32)
    correct = np.empty(count, dtype=np.bool_)
    losses = np.empty(count, dtype=np.float32)
    for chosen in _parts(encoded.last.argsort(stable=True), _BATCH):
        batch = encoded.batch(chosen)
        layers = model.transformer(batch.ids, output_hidden_states=True).hidden_states
        rows = torch.arange(len(chosen), device=chosen.device)
        found = torch.stack([layer[rows, batch.last] for layer in layers])
        logits = model.lm_head(found[-1])
        places = chosen.cpu().numpy()
        states[:, places] = found.cpu().numpy()
        correct[places] = (logits.argmax(dim=-1) == batch.outputs).cpu().numpy()
        losses[places] = (
            functional.cross_entropy(logits, batch.outputs, reduction="none").cpu().numpy()
        )
    return Read(states, correct, losses)
