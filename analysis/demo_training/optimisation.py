"""How every stage of the training is optimised, and how far it has got."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from transformers import LlamaForCausalLM

from analysis.demo_training.batches import IGNORED, Batch


@dataclass(frozen=True)
class TrainingProgress:
    """How far a stage has got: step, from 1, of `total`; stages are "corpus", "base", "tuned" and
    "adapter".

    `loss` is the running mean of the cross-entropy in nats per token, NaN without one.
    """

    stage: str
    step: int
    total: int
    loss: float
    seconds_left: float


Report = Callable[[TrainingProgress], None]


class Meter:
    """Turns the steps of a stage into progress reports; running mean of the loss, NaN at first."""

    def __init__(self, stage: str, total: int, report: Report | None) -> None:
        self.steps = 0
        self.loss = math.nan
        self._stage, self._total, self._report = stage, total, report
        self._start = time.monotonic()
        self._processor = time.process_time()

    @property
    def seconds(self) -> float:
        """Wall time since the stage began."""
        return time.monotonic() - self._start

    @property
    def processor_seconds(self) -> float:
        """Time that this process computed since then, on all cores together."""
        return time.process_time() - self._processor

    def step(self, loss: float = math.nan) -> None:
        self.steps += 1
        self.loss = loss if math.isnan(self.loss) else 0.95 * self.loss + 0.05 * loss
        if self._report is not None:
            left = self.seconds / self.steps * (self._total - self.steps)
            self._report(TrainingProgress(self._stage, self.steps, self._total, self.loss, left))


def optimise(
    model: LlamaForCausalLM,
    batches: Iterator[Batch],
    *,
    steps: int,
    rate: float,
    meter: Meter,
    decay: float = 0.1,
    smoothing: float = 0.0,
    after_step: Callable[[int], None] = lambda step: None,
) -> None:
    """AdamW with warm-up and a cosine decay to a twentieth of `rate`; gradients clipped at 1.

    Parameters that require no gradient stay.

    Args:
        model: Trained in place, and left ready for inference.
        batches: At least `steps` of them.
        steps: How many to take.
        rate: The peak learning rate.
        meter: Told the loss of every step.
        decay: The weight decay of matrices; vectors have none.
        smoothing: See `loss_of`.
        after_step: Called with the number of each step, from 1.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.dim() > 1]
    vectors = [p for p in trained if p.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95), fused=True)
    warm_up = max(1, min(100, steps // 10))

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        phase = (step - warm_up) / max(1, steps - warm_up)
        return 0.05 + 0.475 * (1 + math.cos(math.pi * phase))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
    model.train()
    for step in range(1, steps + 1):
        loss = loss_of(model, *next(batches), smoothing)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        meter.step(float(loss.detach()))
        after_step(step)
    model.train(False)


def loss_of(
    model: LlamaForCausalLM, inputs: Tensor, targets: Tensor, smoothing: float = 0.0
) -> Tensor:
    """Mean cross-entropy in nats over the targets that are not `IGNORED`.

    With label smoothing ε = `smoothing`, a target is 1 − ε of its token and ε of all evenly; what
    is learned is then never quite certain, and its gradients do not vanish.

    Padding is on the right, where the causal mask already hides it; the vocabulary-sized output
    layer is applied only at positions with a target.
    """
    hidden = model.model(input_ids=inputs, use_cache=False).last_hidden_state
    wanted = targets != IGNORED
    return functional.cross_entropy(
        model.lm_head(hidden[wanted]), targets[wanted], label_smoothing=smoothing
    )
