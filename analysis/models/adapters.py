"""Adapters of peft: what a folder holds, and whether insttui can use it. Imports no torch.

An adapter is tuning in files of its own: small tensors that change some weights of a model that it
names, or that the user names. Only LoRA is used, with everything that changes weights alone;
whatever else an adapter may be is refused by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.problems import IncompleteError, Problem, ProblemError, problem

ADAPTER_SETTINGS = "adapter_config.json"
SAFETENSORS, PICKLE = "adapter_model.safetensors", "adapter_model.bin"

# The weights of a whole model. Its config.json may lie beside an adapter that has none.
_WHOLE = (
    *("model.safetensors", "model.safetensors.index.json"),
    *("pytorch_model.bin", "pytorch_model.bin.index.json"),
)
# Files of peft, AdapterHub and MLX, top level only: nothing loads adapters from subfolders.
_FILES = (
    *(ADAPTER_SETTINGS, SAFETENSORS, PICKLE),
    *("pytorch_adapter.bin", "adapters.safetensors"),
)
# Keys under which peft and MLX store the kind of an adapter.
_KINDS = ("peft_type", "fine_tune_type")
_SPELLED = {"lora": "LoRA", "dora": "DoRA", "adalora": "AdaLoRA"}

# What changes weights alone, or only said how training began and went.
_UNDERSTOOD = {
    *("peft_type", "peft_version", "auto_mapping", "base_model_name_or_path", "revision"),
    *("task_type", "inference_mode", "r", "lora_alpha", "lora_dropout", "target_modules"),
    *("exclude_modules", "fan_in_fan_out", "bias", "use_rslora", "use_dora", "modules_to_save"),
    *("layers_to_transform", "layers_pattern", "rank_pattern", "alpha_pattern", "lora_bias"),
    *("target_parameters", "init_lora_weights", "loftq_config", "eva_config", "corda_config"),
    *("lora_ga_config", "ensure_weight_tying", "runtime_config", "unsloth_fixed"),
    # Of features that others turn on.
    *("megatron_core", "qalora_group_size"),
}
# The first peft that stores the factors of experts' tensors as it does now.
_EXPERTS_TURNED = (0, 19)
# Ways to begin that change the base model's own weights, so that the adapter alone says too little.
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga", "mica")


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter that can be used, as `open_adapter` found it.

    Attributes:
        folder: Its folder.
        settings: Its ``adapter_config.json``.
        weights: The file that holds its tensors.
    """

    folder: Path
    settings: Mapping[str, Any]
    weights: Path

    @property
    def base(self) -> str:
        """The model it was trained on, by a hub id or a folder; empty if it does not say."""
        return str(self.settings.get("base_model_name_or_path") or "")

    @property
    def base_revision(self) -> str:
        """That model's branch, tag or commit on the hub; empty for the default one."""
        return str(self.settings.get("revision") or "")

    @property
    def pickled(self) -> bool:
        """Whether its tensors are pickled."""
        return self.weights.name == PICKLE


def adapters_among(names: Iterable[str]) -> tuple[str, ...]:
    """The adapter files among a folder's file names."""
    present = set(names)
    return tuple(name for name in _FILES if name in present)


def holds_adapter(folder: Path) -> bool:
    """Whether the folder holds an adapter of peft and no whole model."""
    return _is_there(folder / ADAPTER_SETTINGS) and not any(
        _is_there(folder / name) for name in _WHOLE
    )


def open_adapter(folder: Path, *, name: str, allow_pickle: bool = False) -> Adapter:
    """Look into an adapter's folder, and refuse what would be applied wrongly or in part.

    Args:
        folder: One that `holds_adapter`.
        name: What to call it in errors.
        allow_pickle: Take pickled tensors too.

    Raises:
        IncompleteError: ``model``, if its tensors are missing.
        ProblemError: ``model`` for another kind of adapter, a setting that is not understood, or
            unreadable files.
    """
    settings = settings_of(folder)
    if settings.get("peft_type") != "LORA":
        raise adapter_problem(name, adapters_among(_names(folder)), whole=False, settings=settings)
    _refuse_strange(name, settings)
    for file in (folder / SAFETENSORS, folder / PICKLE):
        if _is_there(file):
            break
    else:
        raise IncompleteError(
            Problem(
                kind="model",
                what=f"The adapter {name} is incomplete.",
                why=f"{folder} lacks {SAFETENSORS}.",
                remedy="Let the download or the training finish, or give another folder.",
            )
        )
    if file.name == PICKLE and not allow_pickle:
        raise problem(
            "model",
            f"The tensors of the adapter {name} are pickled ({PICKLE}).",
            "A pickle can run code on this machine while it is read.",
            "If you trust its authors, load it with --allow-pickle.",
        )
    return Adapter(folder, settings, file)


def settings_of(folder: Path) -> dict[str, Any]:
    """The adapter's ``adapter_config.json``; empty if it cannot be read."""
    try:
        found = json.loads((folder / ADAPTER_SETTINGS).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def adapter_problem(
    where: str, files: tuple[str, ...], *, whole: bool, settings: Mapping[str, object] = {}
) -> ProblemError:
    """The error to raise for a folder with an adapter and perhaps, `whole`, a whole model too.

    `where` is the folder, or the model's name; `settings` are the adapter's, if known.
    """
    kind = next((name for key in _KINDS if isinstance(name := settings.get(key), str)), "")
    spelled = _SPELLED.get(kind.lower(), kind)
    named = f" ({spelled})" if kind else ""
    if whole:
        return problem(
            "model",
            f"{where} holds an adapter{named} beside a whole model.",
            "What would be explained is the model without the tuning that the adapter holds.",
            "Merge the adapter into the model and give the merged folder; or, for the model "
            f"alone, a folder without {' and '.join(files)}.",
        )
    base = settings.get("base_model_name_or_path")
    return problem(
        "model",
        f"{where} holds an adapter{named}, not a model.",
        (f"It belongs to {base}. " if isinstance(base, str) and base else "")
        + "Of adapters, insttui uses peft's LoRA.",
        "Merge it into its base model and give the merged folder.",
    )


def _refuse_strange(name: str, settings: Mapping[str, Any]) -> None:
    """Refuse settings that change more than weights, or that a later peft brought."""
    strange = sorted(key for key, value in settings.items() if value and key not in _UNDERSTOOD)
    if strange:
        raise problem(
            "model",
            f"The adapter {name} does more than LoRA ({', '.join(strange)}).",
            "insttui would apply only a part of it.",
            "Merge it into its base model with peft and give the merged folder.",
        )
    version = re.match(r"(\d+)\.(\d+)", str(settings.get("peft_version") or ""))
    early = version is not None and tuple(map(int, version.groups())) < _EXPERTS_TURNED
    if early and settings.get("target_parameters"):
        raise problem(
            "model",
            f"The adapter {name} holds experts as peft {settings['peft_version']} stored them.",
            "Later ones store their factors the other way round.",
            "Merge it with that peft into its base model and give the merged folder.",
        )
    began = settings.get("init_lora_weights")
    if isinstance(began, str) and began.lower().startswith(_CHANGES_BASE):
        raise problem(
            "model",
            f"The adapter {name} belongs to a changed base model ({began}).",
            "Training began by moving a part of the base model's weights into the adapter; with "
            "the original base model it would count twice.",
            "Convert it with peft (path_initial_model_for_weight_conversion), or merge it.",
        )


def _names(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if _is_there(file)]


def _is_there(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except OSError:
        return False
