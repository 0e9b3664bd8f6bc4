"""Adapters (LoRA and its kin): tuning that lies beside the weights, and in files of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from analysis.problems import ProblemError, problem

ADAPTER_SETTINGS = "adapter_config.json"

# Of peft, of AdapterHub and of MLX; what lies in a folder further down nobody puts onto the model.
_FILES = (
    ADAPTER_SETTINGS,
    "adapter_model.safetensors",
    "adapter_model.bin",
    "pytorch_adapter.bin",
    "adapters.safetensors",
)
# As peft and MLX call the kind of an adapter.
_KINDS = ("peft_type", "fine_tune_type")
_SPELLED = {"lora": "LoRA", "dora": "DoRA", "adalora": "AdaLoRA"}


def adapters_among(names: Iterable[str]) -> tuple[str, ...]:
    """The files of adapters among those of a folder."""
    present = set(names)
    return tuple(name for name in _FILES if name in present)


def adapter_problem(
    where: str, files: tuple[str, ...], *, whole: bool, settings: Mapping[str, object] = {}
) -> ProblemError:
    """Why a folder with an adapter is not used, to raise.

    Args:
        where: The folder, or what the model is called.
        files: The adapter's files.
        whole: A whole model lies beside it.
        settings: The adapter's own description, as far as it is known.
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
