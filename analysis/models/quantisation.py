"""What a configuration says of quantised weights: the method, its settings, its size in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Methods whose weights are restored while a model is loaded: no kernel for them has a derivative.
_RESTORED_ON_LOADING = frozenset({"compressed-tensors", "fp8", "mxfp4", "mxfp8"})
_NAMES = {
    "awq": "AWQ",
    "fp8": "FP8",
    "mxfp4": "MXFP4",
    "mxfp8": "MXFP8",
    "fbgemm_fp8": "FBGEMM FP8",
}


@dataclass(frozen=True)
class Quantisation:
    """How a model's weights are quantised.

    Attributes:
        method: transformers' name of the method, ``quant_method``.
        settings: The method's own settings.
    """

    method: str
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What to call it in a sentence: "bitsandbytes nf4"."""
        if self.method == "bitsandbytes":
            four = self.settings.get("load_in_4bit")
            kind = self.settings.get("bnb_4bit_quant_type", "fp4") if four else "8-bit"
            return f"bitsandbytes {kind}"
        if self.method == "gptq":
            return f"GPTQ {self.settings.get('bits', '?')}-bit"
        if self.method == "compressed-tensors":
            return f"compressed-tensors {self.settings.get('format') or ''}".strip()
        return _NAMES.get(self.method, self.method)

    @property
    def bits(self) -> int:
        """Bits of a stored number; 8 where the settings do not say."""
        if self.method == "bitsandbytes":
            return 4 if self.settings.get("load_in_4bit") else 8
        if self.method == "mxfp4":
            return 4
        widths = [*self.group_settings("num_bits"), self.settings.get("bits")]
        return next((each for each in widths if isinstance(each, int) and 0 < each <= 32), 8)

    @property
    def restored_on_loading(self) -> bool:
        """Whether a loaded model holds the restored weights; otherwise it keeps them quantised."""
        return self.method in _RESTORED_ON_LOADING

    @property
    def rounds_activations(self) -> bool:
        """Whether a model that is served rounds its activations to 8 bits as well."""
        if self.method == "compressed-tensors":
            groups = self.settings.get("config_groups")
            return isinstance(groups, dict) and any(
                isinstance(group, dict) and group.get("input_activations")
                for group in groups.values()
            )
        eight = self.method == "bitsandbytes" and not self.settings.get("load_in_4bit")
        return eight or self.method in ("fp8", "mxfp8", "fbgemm_fp8")

    def group_settings(self, name: str) -> tuple[Any, ...]:
        """A setting of the weights in each group of compressed-tensors; None where it is not."""
        groups = self.settings.get("config_groups")
        found = [
            group.get("weights")
            for group in (groups.values() if isinstance(groups, dict) else ())
            if isinstance(group, dict)
        ]
        return tuple(each.get(name) if isinstance(each, dict) else None for each in found)

    def numbers_in(self, name: str, stored: str, count: int) -> int:
        """How many numbers of the model a stored tensor of `count` elements makes when restored."""
        if name.endswith("weight_packed") and stored == "I32":
            return count * 32 // self.bits
        if stored == "U8" and name.endswith(("weight_packed", "_blocks")):
            return 2 * count
        return count


def quantisation(config: Mapping[str, Any]) -> Quantisation | None:
    """How the weights are quantised according to a ``config.json``; None if they are not."""
    text = config.get("text_config")
    for each in (config, text if isinstance(text, dict) else {}):
        # MLX uses its own name for it.
        for key in ("quantization_config", "quantization"):
            if (found := each.get(key)) is not None:
                settings = found if isinstance(found, dict) else {}
                return Quantisation(str(settings.get("quant_method") or "method unknown"), settings)
    return None
