"""Plans where the modules of a model go, and refuses beforehand what the disk cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from transformers import PreTrainedConfig

from analysis.engine.building import dtype_of
from analysis.engine.configuration import configuration_fault
from analysis.engine.loading import pick_device, usable
from analysis.engine.memory import mappable_bytes, readable
from analysis.engine.spreading import (
    Spread,
    from_disk,
    outline,
    over_devices,
    refuse_without_accelerate,
)
from analysis.models import scratch
from analysis.models.checkpoint import Checkpoint
from analysis.problems import problem
from analysis.request import ModelChoice

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def plan_spread(choice: ModelChoice, folder: Path, free: Mapping[str, int]) -> Spread:
    """Plan where the modules of a model go that no single device holds.

    Args:
        choice: How to load it; from ``disk``, or on all cards.
        folder: Its folder.
        free: Free bytes by device, ``cuda:0`` and on, and ``cpu``.

    Raises:
        ProblemError: ``memory`` if nothing fits; ``model`` when the folder cannot be used.
    """
    refuse_without_accelerate(choice.name)
    found, config = usable(choice, folder)
    if found.quantised():
        raise problem(
            "model",
            f"{choice.name} is quantised ({found.quantised()}), and only a whole device can "
            "hold it.",
            "Quantised weights are not divided among devices or left on disk.",
            "Choose a device that has room for all of it, or a version that is not quantised.",
        )
    device = pick_device(choice.device)
    dtype = dtype_of(choice, device) or _stored_dtype(found, config)
    try:
        model = outline(config, dtype, trust_remote_code=choice.trust_remote_code)
    except Exception as error:
        raise configuration_fault(found, choice.name, error) from None
    spread = (
        from_disk(model, free["cpu"], choice.name)
        if choice.device == "disk"
        else over_devices(model, free, choice.name)
    )
    if "disk" in spread.sizes:
        _refuse_unmappable(choice, found)
        _refuse_full_disk(choice, model, found)
    return spread


def _refuse_unmappable(choice: ModelChoice, found: Checkpoint) -> None:
    """Refuse a file too large to take single weights from."""
    largest = max(found.weights, key=lambda file: file.stat().st_size)
    size, most = largest.stat().st_size, mappable_bytes()
    if size > most:
        raise problem(
            "memory",
            f"The weights of {choice.name} cannot stay on disk as they are.",
            f"{largest.name} has {readable(size)}; a file of more than {readable(most)}, all "
            "memory and swap, cannot be read in part.",
            "Save the model in smaller files: save_pretrained(max_shard_size='4GB').",
        )


def _refuse_full_disk(choice: ModelChoice, model: PreTrainedModel, found: Checkpoint) -> None:
    """Refuse weights that have to be written anew where there is no room for them."""
    stored = set(found.names())
    prefix = f"{model.base_model_prefix}."
    size = sum(
        each.numel() * each.element_size()
        for name, each in model.named_parameters()
        if not {name, name.removeprefix(prefix)} & stored
    )
    free = scratch.free_on_disk()
    if size > free:
        raise problem(
            "storage",
            f"The disk has no room for the weights of {choice.name}.",
            f"{readable(size)} of them are stored in another form than they run in, and are "
            f"written anew; {readable(free)} are free in {scratch.ROOT}.",
            "Free some space, or choose a device that holds the model.",
        )


def _stored_dtype(found: Checkpoint, config: PreTrainedConfig) -> torch.dtype:
    """The precision that a checkpoint is loaded in when none is asked for."""
    named = getattr(config, "dtype", None)
    if isinstance(named, torch.dtype):
        return named
    stored: torch.dtype = getattr(torch, (*found.precisions(), "float32")[0])
    return stored
