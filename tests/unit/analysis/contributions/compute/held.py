"""A model in float64 with all but one part held: what a part adds, by taking it away.

Norms are held without looking into them: one without a mean multiplies every number of its input by
something, and that is kept; torch's own LayerNorm is written out with the deviation that it had.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel


class Held:
    """Runs a text again and again, with the inputs of projections and norms as in the first run.

    Args:
        model: In float64.
        ids: The text.
        projections: Names of modules whose inputs are held.
        mixtures: Names of modules whose outputs are.
    """

    def __init__(
        self, model: PreTrainedModel, ids: Any, projections: list[str], mixtures: list[str]
    ) -> None:
        self._model, self._ids = model, torch.tensor([ids])
        self._seen: dict[str, tuple[Tensor, Tensor]] = {}
        modules = dict(model.named_modules())
        self._norms = [name for name, each in modules.items() if "Norm" in type(each).__name__]
        self._held = dict.fromkeys(projections, "in") | dict.fromkeys(mixtures, "out")

        def keep(name: str) -> Callable[..., None]:
            def hook(_module: nn.Module, args: Any, output: Any) -> None:
                first = output[0] if isinstance(output, tuple) else output
                self._seen[name] = args[0].clone() if args else first.clone(), first.clone()

            return hook

        names = [*self._held, *self._norms]
        self.logits = self._run([modules[n].register_forward_hook(keep(n)) for n in names])

    def input(self, name: str) -> Tensor:
        """What enters a projection at the last position."""
        return self._seen[name][0][0, -1]

    def change(self, name: str, value: Callable[[Tensor], Tensor]) -> Tensor:
        """[V]: by how much the head's output falls when a part is changed at the last position."""
        modules = dict(self._model.named_modules())
        hooks = []
        for each, what in self._held.items():
            own = value if each == name else None
            held = self._seen[each][0 if what == "in" else 1].clone()
            if own is not None:
                held[0, -1] = own(held[0, -1])
            if what == "in":
                hooks.append(modules[each].register_forward_pre_hook(lambda *_, h=held: (h,)))
            else:
                hooks.append(modules[each].register_forward_hook(lambda *_, h=held: h))
        for each in self._norms:
            if each in self._seen:
                hooks.append(modules[each].register_forward_hook(self._norm(each, modules[each])))
        return self.logits - self._run(hooks)

    def _norm(self, name: str, module: nn.Module) -> Callable[..., Tensor]:
        before, after = self._seen[name]

        def linear(_module: nn.Module, args: tuple[Tensor, ...], _output: Tensor) -> Tensor:
            if not isinstance(module, nn.LayerNorm):
                return args[0] * (after / before)
            size = (before.var(-1, unbiased=False, keepdim=True) + module.eps).sqrt()
            centred = args[0] - args[0].mean(-1, keepdim=True)
            return centred / size * module.weight + module.bias

        return linear

    def _run(self, hooks: list[Any]) -> Tensor:
        head: list[Tensor] = []
        last = self._model.get_output_embeddings()
        hooks.append(last.register_forward_hook(lambda _m, _a, out: head.append(out[0, -1])))
        try:
            with torch.no_grad():
                self._model(input_ids=self._ids, use_cache=False)
        finally:
            for hook in hooks:
                hook.remove()
        return head[0]
