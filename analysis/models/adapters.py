"""Detects adapters (LoRA and similar): tuning stored in files next to the weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from analysis.problems import ProblemError, problem

ADAPTER_SETTINGS = "adapter_config.json"

# Files of peft, AdapterHub and MLX, top level only: nothing loads adapters from subfolders.
_FILES = (
    ADAPTER_SETTINGS,
    "adapter_model.safetensors",
    "adapter_model.bin",
    "pytorch_adapter.bin",
    "adapters.safetensors",
)
# Keys under which peft and MLX store the kind of an adapter.
_KINDS = ("peft_type", "fine_tune_type")
_SPELLED = {"lora": "LoRA", "dora": "DoRA", "adalora": "AdaLoRA"}


def adapters_among(names: Iterable[str]) -> tuple[str, ...]:
    """The adapter files among a folder's file names."""
    present = set(names)
    return tuple(name for name in _FILES if name in present)


def adapter_problem(
    where: str, files: tuple[str, ...], *, whole: bool, settings: Mapping[str, object] = {}
) -> ProblemError:
    """The error to raise for a folder with an adapter and perhaps, `whole`, a whole model too.

    `where` is the folder, or the model's name; `settings` are the adapter's, if known.
    """
    kind = next((name for key in _KINDS if isinstance(name := settings.get(key), str)), "")
    named = f" ({_SPELLED.get(kind.lower(), kind)})" if kind else ""
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
        f"It belongs to {base}." if isinstance(base, str) and base else "",
        "Merge it into its base model and give the merged folder.",
    )
