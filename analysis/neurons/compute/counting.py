"""Counts activations instruction by instruction, in memory independent of their number.

For each instruction and neuron only the grid step that p_ij reaches is kept: one histogram over
`EPSILONS` per neuron, 21 numbers however many instructions there are. Steps use integer arithmetic:
p_ij = active / tokens is at least k / 20 exactly if 20 · active // tokens ≥ k. By percentile, steps
are those of `TOP_SHARES` instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Literal

import torch
from torch import Tensor

from analysis.neurons.compute.feed_forward import FeedForward, Seen, watched
from analysis.neurons.result import LayerFrequencies, Rule
from analysis.neurons.sets import EXPERT_EPSILONS, TOP_SHARES, epsilons_of

Branch = Literal["gate", "product"]

MOST_INSTRUCTIONS = 65_535
"""Maximum per category: more would overflow the stored counts."""


class _Histogram:
    """How many instructions end at each step of a grid, one column per unit."""

    def __init__(self, steps: int, units: int, device: torch.device) -> None:
        self._counts = torch.zeros(steps + 1, units, dtype=torch.int32, device=device)
        self._sum = torch.zeros(units, dtype=torch.float64, device="cpu")
        self._instructions = 0

    def add(self, active: Tensor, tokens: Tensor, step: Tensor | None = None) -> None:
        """Add B instructions: int64 [B, U] active tokens of int64 [B] tokens.

        `step` int64 [B, U] is the step that each reaches; None for that of its share of tokens.
        """
        if step is None:
            step = (len(self._counts) - 1) * active // tokens[:, None]
        step = step.to(self._counts.device)
        self._counts.scatter_add_(0, step, torch.ones_like(step, dtype=torch.int32))
        # On the CPU, because not every device supports float64.
        shares = active.cpu().double() / tokens.cpu().double()[:, None]
        self._sum += shares.sum(dim=0)
        self._instructions += len(active)

    def reached(self) -> Tensor:
        """int32 [steps, U]: how many instructions reach each step, starting above 0."""
        return self._counts.flip(0).cumsum(0, dtype=torch.int32).flip(0)[1:].cpu()

    def mean(self) -> Tensor:
        """float32 [U], mean share over the instructions."""
        return (self._sum / max(1, self._instructions)).float()


def top_steps(active: Tensor) -> Tensor:
    """How many of `TOP_SHARES` each neuron of an instruction is among, int64 [B, U].

    Among the highest share ε are those with at least the frequency of the ⌈ε U⌉-th of U neurons:
    all that tie with it too, but none that is never active.

    Args:
        active: int64 [B, U], active tokens of all neurons of all layers.
    """
    units = active.shape[1]
    # In integers, since 0.07 · 100 is more than 7 in floats.
    places = [-(-step * units // 100) - 1 for step in range(1, len(TOP_SHARES) + 1)]
    borders = active.sort(dim=1, descending=True).values[:, places].clamp(min=1)
    steps = torch.zeros_like(active)
    for border in borders.unbind(dim=1):
        steps += active >= border[:, None]
    return steps


class _Batch:
    """One layer in one pass: int64 [B, U] active tokens and [B, E] tokens routed to an expert."""

    def __init__(self, network: FeedForward, branch: Branch, counted: Tensor) -> None:
        self._network, self._branch, self._counted = network, branch, counted
        self.active = counted.new_zeros(len(counted), network.units, dtype=torch.int64)
        self.sent = counted.new_zeros(len(counted), network.routed, dtype=torch.int64)

    def see(self, seen: Seen) -> None:
        """Count a network's activations."""
        rows, length = self._counted.shape
        start, end = self._network.starts[seen.expert : seen.expert + 2]
        device = self._counted.device
        positive = ((seen.gate if self._branch == "gate" else seen.product) > 0).to(device)
        if seen.tokens is None:
            positive = positive.view(rows, length, -1) & self._counted[:, :, None]
            self.active[:, start:end] = positive.sum(dim=1)
            return
        tokens = seen.tokens.to(device)
        counts = self._counted.flatten()[tokens]
        instruction = tokens[counts] // length
        self.active[:, start:end].index_add_(0, instruction, positive[counts].long())
        self.sent[:, seen.expert] = torch.bincount(instruction, minlength=rows)


class Counter:
    """Counts the activations of all layers, batch by batch.

    `branch` says what an activation is, `rule` what makes a neuron specific.
    """

    def __init__(
        self, networks: Sequence[FeedForward], branch: Branch, rule: Rule = "threshold"
    ) -> None:
        self._networks = networks
        self._branch, self._rule = branch, rule
        device, steps = networks[0].device, len(epsilons_of(rule))
        self._neurons = [_Histogram(steps, each.units, device) for each in networks]
        self._experts = [_Histogram(len(EXPERT_EPSILONS), each.routed, device) for each in networks]

    @contextmanager
    def counting(self, counted: Tensor) -> Iterator[None]:
        """Count what the model computes within this context, in one pass over a batch.

        A failed pass counts nothing, so it can be retried.

        Args:
            counted: bool [B, T], the tokens that count: no padding, only the instruction's own.
                Every instruction has at least one.
        """
        batches = [_Batch(each, self._branch, counted) for each in self._networks]
        with ExitStack() as stack:
            for network, batch in zip(self._networks, batches, strict=True):
                stack.enter_context(watched(network, batch.see))
            yield
        tokens = counted.sum(dim=1)
        steps: list[Tensor | None] = [None] * len(batches)
        if self._rule == "percentile":
            everything = top_steps(torch.cat([batch.active for batch in batches], dim=1))
            steps = list(torch.split(everything, [each.units for each in self._networks], dim=1))
        for neurons, experts, batch, step in zip(
            self._neurons, self._experts, batches, steps, strict=True
        ):
            neurons.add(batch.active, tokens, step)
            experts.add(batch.sent, tokens)

    def layers(self) -> tuple[LayerFrequencies, ...]:
        """The counts so far."""
        return tuple(
            LayerFrequencies(
                starts=torch.tensor(network.starts).numpy(),
                reached=self._rows(neurons.reached()).to(torch.uint16).numpy(),
                mean=neurons.mean().numpy(),
                expert_reached=experts.reached().to(torch.uint16).numpy(),
                expert_mean=experts.mean().numpy(),
            )
            for network, neurons, experts in zip(
                self._networks, self._neurons, self._experts, strict=True
            )
        )

    def _rows(self, reached: Tensor) -> Tensor:
        """Counts in the order of ε: who is among the highest 1 % is among all other shares too."""
        return reached.flip(0) if self._rule == "percentile" else reached
