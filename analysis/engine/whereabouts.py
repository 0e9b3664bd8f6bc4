"""Where the modules of a model run, and their weights, which may not be there until they run.

A model on several devices, or on none, has accelerate's hooks: they bring a module's weights from
the disk or the host to the device that runs it, and let go of them afterwards. In between its
parameters are on torch's device ``meta``: they have a shape and no numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from analysis.engine.memory import free_bytes
from analysis.problems import problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def device_of(model: PreTrainedModel) -> torch.device:
    """Where a model takes its input: the device that runs its embeddings."""
    embeddings: nn.Module = model.get_input_embeddings()
    return runs_on(embeddings)


def runs_on(module: nn.Module) -> torch.device:
    """The device that runs a module, which has parameters, and in which their numbers are then."""
    return next(_devices(module))


def devices_of(module: nn.Module) -> frozenset[torch.device]:
    """The devices that run a model, or a part of one."""
    return frozenset(_devices(module))


def free_bytes_of(model: PreTrainedModel) -> int:
    """Bytes for new tensors where a model runs; where it runs on several devices, the fewest."""
    return min(free_bytes(device) for device in devices_of(model))


def away_bytes(module: nn.Module) -> int:
    """The size of the weights that come only to run, in the precision in which they then are."""
    return sum(each.numel() * each.element_size() for each in module.parameters() if each.is_meta)


def parameter_count(model: nn.Module) -> int:
    """How many parameters a model has; one that serves in two places, such as a tied head, once.

    Away, the two are no longer one tensor, but still lie in one place.
    """
    counts: dict[object, int] = {}
    for name, parameter in model.named_parameters():
        counts[_place(model, name, parameter)] = parameter.numel()
    return sum(counts.values())


@contextmanager
def at_hand(module: nn.Module) -> Iterator[None]:
    """Bring a module's own weights, for whoever reads them instead of running the module."""
    hook = _bringing(module)
    if hook is None:
        yield
        return
    hook.pre_forward(module)
    try:
        yield
    finally:
        hook.post_forward(module, None)


def numbers(model: nn.Module, name: str) -> Tensor:
    """A parameter by name, without a graph, wherever its numbers are."""
    parameter = model.get_parameter(name)
    if not parameter.is_meta:
        return parameter.detach()
    module, _, own = name.rpartition(".")
    hook = _bringing(model.get_submodule(module))
    stored: Tensor = parameter if hook is None else hook.weights_map[own]
    return stored.detach().to(parameter.dtype)


def _place(model: nn.Module, name: str, parameter: Tensor) -> object:
    """What identifies a parameter's numbers."""
    module, _, own = name.rpartition(".")
    hook = _bringing(model.get_submodule(module)) if parameter.is_meta else None
    if hook is None:
        return id(parameter)
    stored = hook.weights_map.dataset
    named = stored.index.get(f"{hook.weights_map.prefix}{own}")
    if named is None:
        return hook.weights_map[own].data_ptr()
    return named.get("safetensors_file", name), named.get("weight_name")


def _devices(module: nn.Module) -> Iterator[torch.device]:
    for part in module.modules():
        parameter = next(part.parameters(recurse=False), None)
        if parameter is not None:
            hook = _bringing(part)
            yield parameter.device if hook is None else torch.device(hook.execution_device)


def _bringing(module: nn.Module) -> Any:
    """accelerate's hook that brings a module's weights; None if they are always there."""
    hook = getattr(module, "_hf_hook", None)
    hooks = getattr(hook, "hooks", (hook,))
    return next((each for each in hooks if getattr(each, "offload", False)), None)


class WeightsAtHand(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses an operation on numbers together with a weight that is away.

    A module that reads another's weights without running it finds none there, and torch does not
    always say so: what is added to numbers from the device ``meta`` leaves them as they are.
    """

    def __init__(self, name: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = name

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run an operation all of whose tensors have numbers, or none."""
        given = tree_leaves((args, kwargs or {}))
        if len({each.is_meta for each in given if isinstance(each, Tensor)}) > 1:
            raise problem(
                "model",
                f"{self._name} cannot run from several devices or from disk.",
                f"A layer of it reads weights of another that are not there then ({operation}).",
                "Choose a device that holds the whole model.",
            )
        return operation(*args, **(kwargs or {}))


def bring_outside_transforms(model: nn.Module) -> None:
    """Let weights come as plain tensors under torch.func's transforms too (`jvp`, `vmap`).

    Tensors that are made under a transform belong to it. accelerate asks for the memory that they
    do not have, and forward mode could not run.
    """
    for module in model.modules():
        hook = _bringing(module)
        if hook is not None and not hook.io_same_device:
            hook.pre_forward = partial(_bring, hook, hook.pre_forward)
            hook.post_forward = partial(_let_go, hook.post_forward)


def _bring(hook: Any, bring: Any, module: nn.Module, *args: Any, **options: Any) -> Any:
    from accelerate.utils import send_to_device

    with temporarily_clear_interpreter_stack():
        bring(module)
    device = hook.execution_device
    return send_to_device(args, device), send_to_device(options, device, skip_keys=hook.skip_keys)


def _let_go(let_go: Any, module: nn.Module, output: Any) -> Any:
    with temporarily_clear_interpreter_stack():
        let_go(module, None)
    return output
