"""The head by itself: what a text's last hidden states predict, without reading the text again.

Between body and logits a model may do more than multiply (scale, cap, transform), so its own
forward pass runs, with given states in place of the body's output.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from analysis.engine.passes import frozen, head_of, options
from analysis.saliency.compute.ends import Run, body, fed_ids, run, seeded

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# How far the head's own logits may differ from the model's, in roundings of the largest.
_ROUNDINGS = 16


def run_in_portions(
    model: PreTrainedModel,
    prompt: Tensor,
    response: Tensor,
    portion: int,
    *,
    graph: bool,
    embeddings: Tensor | None = None,
) -> Run:
    """A run over the whole response that passes the head in portions.

    Args:
        model: A causal language model.
        prompt: int64 [N].
        response: int64 [M].
        portion: Response tokens whose logits fit into memory at a time.
        graph: Keep the graph from the embeddings, which are a leaf of it, to the states.
        embeddings: [1, T, D], used instead of those of the ids.
    """
    ids = fed_ids(model, prompt, response)
    if portion >= len(response):
        return run(model, ids, response, graph=graph, embeddings=embeddings)
    with torch.set_grad_enabled(graph), frozen(model):
        if embeddings is None:
            embeddings = model.get_input_embeddings()(ids)
        embeddings = embeddings.detach().requires_grad_(graph)
        states = body(model, ids, embeddings)[-len(response) :]
    head = _Head.of(model, ids[:, :2])
    if head is None:
        known = _run_by_run(model, prompt, response, portion)
        return replace(known, embeddings=embeddings, states=states)
    parts = [
        head.seeds(states[start : start + portion], response[start : start + portion])
        for start in range(0, len(response), portion)
    ]
    return Run(embeddings, states, *(torch.cat(each) for each in zip(*parts, strict=True)))


def _run_by_run(model: PreTrainedModel, prompt: Tensor, response: Tensor, portion: int) -> Run:
    """The same, reading the text again for every portion of the head."""
    runs = []
    for start in range(0, len(response), portion):
        answered = response[: start + portion]
        runs.append(run(model, fed_ids(model, prompt, answered), answered[start:], graph=False))
    return Run(
        runs[-1].embeddings,
        torch.cat([each.states for each in runs]),
        torch.cat([each.seeds for each in runs]),
        torch.cat([each.probabilities for each in runs]),
        torch.cat([each.doubts for each in runs]),
    )


class _Head:
    """A model whose body is bypassed."""

    def __init__(self, model: PreTrainedModel, ids: Tensor, inner: nn.Module, read: object) -> None:
        self._model = model
        self._ids = ids
        self._inner = inner
        self._read = read

    @classmethod
    def of(cls, model: PreTrainedModel, ids: Tensor) -> _Head | None:
        """A model's head, tested on a short text, int64 [1, any]; None if it needs the body."""
        head, embedding = head_of(model), model.get_input_embeddings()
        for inner in model.children():
            modules = set(inner.modules())
            if embedding in modules and head not in modules:
                break
        else:
            return None
        outputs: list[object] = []
        states: list[Tensor] = []
        hooks = [
            inner.register_forward_hook(lambda _module, _args, output: outputs.append(output)),
            head.register_forward_pre_hook(lambda _module, args: states.append(args[0])),
        ]
        # Captured with one text, tested with another: a head may look at more than the states.
        other = (ids.flip(1) + 1) % len(next(embedding.parameters()))
        other = torch.cat([other, other[:, :1]], dim=1)
        try:
            with torch.no_grad(), frozen(model):
                for text in (ids, other):
                    logits = model(input_ids=text, **options(model, text, keep=0)).logits[0]
        finally:
            for hook in hooks:
                hook.remove()
        if len(outputs) != 2 or len(states) != 2:
            return None
        alone = cls(model, ids, inner, outputs[0])
        try:
            with torch.no_grad():
                again = alone.logits(states[1][0])
        except Exception:  # Whatever the reason, the model has to run as a whole.
            return None
        apart = float((again - logits).abs().max()) if again.shape == logits.shape else torch.inf
        rounding = _ROUNDINGS * torch.finfo(logits.dtype).eps * float(logits.abs().max())
        return alone if apart <= rounding else None

    def logits(self, states: Tensor) -> Tensor:
        """Logits [K, V] of states [K, D]."""
        with frozen(self._model), _replaced(self._inner, self._read):
            hook = head_of(self._model).register_forward_pre_hook(
                lambda _module, args: (states[None], *args[1:])
            )
            try:
                kept = options(self._model, self._ids, keep=0)
                logits: Tensor = self._model(input_ids=self._ids, **kept).logits
            finally:
                hook.remove()
        return logits[0]

    def seeds(self, states: Tensor, answered: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        leaf = states.detach().clone().requires_grad_()
        with torch.enable_grad():
            logits = self.logits(leaf)
        return seeded(logits, leaf, answered)


@contextmanager
def _replaced(module: nn.Module, output: object) -> Iterator[None]:

    def same(*_args: Any, **_kwargs: Any) -> object:
        return output

    before = vars(module).get("forward")
    try:
        module.forward = same
        yield
    finally:
        if before is None:
            del module.forward
        else:
            module.forward = before
