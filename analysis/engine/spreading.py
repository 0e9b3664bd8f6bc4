"""Plans where the modules of a model go that is larger than one device, before any of it is loaded.

A plan comes from the model's outline, which has shapes and no numbers, and from the free memory of
the devices; accelerate divides the layers. A module on the CPU or on disk comes to a card, or where
there is none to the CPU, each time that it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedConfig

from analysis.engine.memory import readable
from analysis.problems import ProblemError, problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Share of a device's free memory that weights may take; the rest is for what passes through.
_SHARE = 0.8
_PLACES = {"cpu": "in main memory", "disk": "on disk"}


@dataclass(frozen=True)
class Spread:
    """Where each part of a model goes.

    Attributes:
        device_map: The device of each module, as accelerate has it: a card's number, ``cpu`` or
            ``disk``. A module that is not named goes with the one that holds it.
        sizes: Bytes of weights by device: ``cuda:0``, ``cpu``, ``disk``.
        layers: The numbers of the layers on each device.
        largest: Bytes of the largest module that comes only to run; 0 if all stay.
    """

    device_map: dict[str, int | str]
    sizes: dict[str, int]
    layers: dict[str, tuple[int, ...]]
    largest: int

    @property
    def device(self) -> str:
        """The devices in a few words."""
        cards = [device for device in self.sizes if device not in _PLACES]
        away = [device for device in self.sizes if device in _PLACES]
        if not cards:
            return "cpu, weights on disk"
        if not away:
            return ", ".join(cards)
        return f"{', '.join(cards)}, some weights {' and '.join(_PLACES[each] for each in away)}"

    @property
    def note(self) -> str:
        """Where its layers are, for whoever reads its numbers."""
        if [*self.sizes] == ["disk"]:
            return (
                f"The weights ({readable(self.sizes['disk'])}) stay on disk and come to the CPU "
                f"module by module, at most {readable(self.largest)} at a time."
            )
        parts = []
        for device, size in self.sizes.items():
            which = _ranges(self.layers.get(device, ()))
            where = _PLACES.get(device, f"on {device}")
            parts.append(f"{which or 'no whole layer'} {where} ({readable(size)})")
        slow = " What is not on a card comes to one for every pass." if self.largest else ""
        return f"The model is spread: layers {', '.join(parts)}.{slow}"


def outline(
    config: PreTrainedConfig, dtype: torch.dtype, *, trust_remote_code: bool
) -> PreTrainedModel:
    """A model without numbers, on the device ``meta``; takes neither memory nor time."""
    with torch.device("meta"):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
            deepcopy(config), dtype=dtype, trust_remote_code=trust_remote_code
        )
    return model


def over_devices(model: PreTrainedModel, free: Mapping[str, int], name: str) -> Spread:
    """Divide a model among cards, as evenly as layers allow; what is left over stays off them.

    Args:
        model: Its outline, in the precision in which it will be loaded.
        free: Free bytes of every card, ``cuda:0`` and on, and of the ``cpu``.
        name: What errors call the model.

    Raises:
        ProblemError: ``memory`` if the cards hold no layer, or not one that comes to run.
    """
    from accelerate import infer_auto_device_map
    from accelerate.utils import get_balanced_memory

    memory = {_number(device): int(_SHARE * size) for device, size in free.items()}
    whole: Any = list(getattr(model, "_no_split_modules", None) or ())
    balanced = get_balanced_memory(model, max_memory=memory, no_split_module_classes=whole)
    found = infer_auto_device_map(model, max_memory=balanced, no_split_module_classes=whole)
    spread = placed(model, dict(found))
    running = next((device for device in spread.sizes if device not in _PLACES), None)
    if running is None or spread.sizes[running] + spread.largest > free[running]:
        raise too_large(model, free, name)
    return spread


def from_disk(model: PreTrainedModel, free: int, name: str) -> Spread:
    """Leave a model on disk; every module comes to the CPU to run.

    Args:
        model: Its outline, in the precision in which it will be loaded.
        free: Free bytes of main memory.
        name: What errors call the model.

    Raises:
        ProblemError: ``memory`` if there is no room for its largest module.
    """
    spread = placed(model, {"": "disk"})
    if spread.largest > free:
        raise too_large(model, {"cpu": free}, name)
    return spread


def placed(model: nn.Module, device_map: dict[str, int | str]) -> Spread:
    """What a device map means for a model, of which the outline suffices."""
    sizes: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        device = _device_of(name, device_map)
        sizes[device] = sizes.get(device, 0) + _size(parameter)
    layers: dict[str, tuple[int, ...]] = {}
    for number, prefix in enumerate(_layers(model)):
        first = next(name for name, _ in model.named_parameters() if name.startswith(prefix))
        device = _device_of(first, device_map)
        layers[device] = (*layers.get(device, ()), number)
    fast = sorted(sizes, key=lambda each: (each == "disk", each == "cpu"))
    away = {"cpu", "disk"} if set(sizes) - set(_PLACES) else {"disk"}
    largest = max(
        (
            _own_size(part)
            for name, part in model.named_modules()
            if (first := next((each for each, _ in part.named_parameters(recurse=False)), ""))
            and _device_of(f"{name}.{first}".lstrip("."), device_map) in away
        ),
        default=0,
    )
    return Spread(device_map, {device: sizes[device] for device in fast}, layers, largest)


def too_large(model: nn.Module, free: Mapping[str, int], name: str) -> ProblemError:
    """The problem of a model for which no device has room."""
    left = ", ".join(f"{readable(size)} of {device}" for device, size in free.items())
    return problem(
        "memory",
        f"{name} does not fit, not even in parts.",
        f"Its weights take {readable(sum(_size(each) for each in model.parameters()))}, its "
        f"largest module {readable(_largest(model))}; free are {left}.",
        "Close what else takes memory, or choose a smaller model or --dtype bfloat16"
        + (", or --device disk, which needs no card." if len(free) > 1 else "."),
    )


def refuse_without_accelerate(name: str) -> None:
    """Say which package is missing (ProblemError ``model``)."""
    try:
        import accelerate  # noqa: F401
    except ImportError:
        raise problem(
            "model",
            f"{name} is to run on several devices or from disk, and accelerate is not installed.",
            "insttui spreads models by accelerate.",
            "Install it into insttui's environment: pip install accelerate.",
        ) from None


def _number(device: str) -> int | str:
    """A card's number, as accelerate calls it."""
    return int(device.removeprefix("cuda:")) if device.startswith("cuda:") else device


def _device_of(name: str, device_map: Mapping[str, int | str]) -> str:
    """The device of a parameter: that of the innermost module that the map names."""
    inside = name
    while inside not in device_map:
        inside = inside.rpartition(".")[0]
    device = device_map[inside]
    return f"cuda:{device}" if isinstance(device, int) else device


def _layers(model: nn.Module) -> Iterator[str]:
    """The prefixes of the layers' parameters, first to last."""
    lists = [
        (name, each) for name, each in model.named_modules() if isinstance(each, nn.ModuleList)
    ]
    name, found = max(lists, key=lambda each: _largest_sum(each[1]), default=("", nn.ModuleList()))
    for number, layer in enumerate(found):
        if next(layer.parameters(), None) is not None:
            yield f"{name}.{number}."


def _largest_sum(modules: nn.Module) -> int:
    return sum(_size(each) for each in modules.parameters())


def _largest(model: nn.Module) -> int:
    return max(_own_size(each) for each in model.modules())


def _own_size(module: nn.Module) -> int:
    return sum(_size(each) for each in module.parameters(recurse=False))


def _size(parameter: torch.Tensor) -> int:
    return parameter.numel() * parameter.element_size()


def _ranges(numbers: tuple[int, ...]) -> str:
    """Numbers in words: ``0-3 and 7``."""
    runs = [
        [number for _, number in run]
        for _, run in groupby(enumerate(numbers), key=lambda each: each[1] - each[0])
    ]
    words = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    return " and ".join(words)
