"""What a LoRA adapter's file holds, module by module (METHODS 8). Small, so it is read at once."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import safetensors.torch
import torch
from torch import Tensor

from analysis.engine.reasons import reason
from analysis.engine.weights.tensors import refuse_not_finite
from analysis.models.adapters import Adapter
from analysis.problems import ProblemError, problem

# Where wrappers and families put their text model; what follows names a tensor.
_PREFIXES = {"base_model", "model", "language_model", "transformer", "gpt_neox", "text_model"}
_PART = re.compile(
    r"(?P<module>.+)\.lora_(?P<part>(?:embedding_)?[AB]|magnitude_vector)(?:\.weight)?"
)


class LowRank(NamedTuple):
    """A change of a weight as a product, ΔW = up · down, in the weight's own orientation.

    up: float32 [rows, r], the scale folded in; down: float32 [r, columns].
    """

    up: Tensor
    down: Tensor


@dataclass
class Change:
    """A module's change, s·B A; all tensors are float32.

    Attributes:
        scale: s, which is α / r or, for rsLoRA, α / √r.
        a: [r, in]; for a module of experts [E·r, in].
        b: [out, r]; for a module of experts [out, r·E].
        lengths: [out] of DoRA's weights, or None.
        embedding: The module is an embedding, whose `in` are its tokens.
    """

    scale: float
    a: Tensor
    b: Tensor
    lengths: Tensor | None = None
    embedding: bool = False

    @property
    def made(self) -> tuple[int, int]:
        """The shape of the change, [out, in]."""
        return len(self.b), self.a.shape[1]

    def product(self, *, turned: bool) -> LowRank:
        """The change before DoRA, for a weight stored [out, in] or, `turned`, [in, out]."""
        if turned:
            return LowRank(self.a.T * self.scale, self.b.T.contiguous())
        return LowRank(self.b * self.scale, self.a)

    def of_experts(self, experts: int) -> Tensor:
        """The change of every expert's weight, [E, out, in]."""
        a = self.a.view(experts, -1, self.a.shape[1])
        b = self.b.view(len(self.b), -1, experts).permute(2, 0, 1)
        return b @ a * self.scale


@dataclass(frozen=True)
class AdapterFile:
    """Changes by module and whole tensors by name, both under `canonical` names.

    A tensor that is both is the module's own, as training began with it.
    """

    where: str
    changes: Mapping[str, Change]
    whole: Mapping[str, Tensor]


def canonical(name: str) -> str:
    """A tensor's or module's name without the prefixes in which versions and wrappers differ."""
    parts = name.replace("block_sparse_moe.", "mlp.").split(".")
    start = next((at for at, part in enumerate(parts) if part not in _PREFIXES), 0)
    return ".".join(parts[start:])


def read_adapter(adapter: Adapter, *, experts: Mapping[str, int] = {}) -> AdapterFile:
    """Read all tensors of an adapter.

    Args:
        adapter: The adapter.
        experts: How many experts a module holds in one tensor, by the module's canonical name.

    Raises:
        ProblemError: ``model`` if the file cannot be read, lacks half of a module's change or
            holds numbers that are not finite.
    """
    where = str(adapter.folder)
    found: dict[str, dict[str, Tensor]] = {}
    whole = {}
    for key, value in stored(adapter).items():
        if not value.is_floating_point():
            continue
        refuse_not_finite(where, key, value)
        match = _PART.fullmatch(canonical(key))
        if match is not None:
            found.setdefault(match["module"], {})[match["part"]] = value.float()
        elif not key.endswith("lora_B.bias"):
            whole[whole_name(key)] = value.float()
    changes = {
        module: _change(adapter, module, parts, experts.get(_innermost(module), 1))
        for module, parts in found.items()
    }
    return AdapterFile(where, changes, whole)


def whole_name(key: str) -> str:
    """The canonical name of a tensor that is saved whole, such as a head or a bias."""
    return canonical(key).replace(".modules_to_save.", ".").replace(".base_layer.", ".")


def _innermost(module: str) -> str:
    """The module itself, of which peft wraps several tensors one in the other."""
    while module.endswith(".base_layer"):
        module = module.removesuffix(".base_layer")
    return module


def _change(adapter: Adapter, module: str, parts: Mapping[str, Tensor], experts: int) -> Change:
    embedding = "embedding_A" in parts
    a, b = (parts.get(f"embedding_{side}" if embedding else side) for side in "AB")
    if a is None or b is None:
        raise problem(
            "model",
            f"The adapter {adapter.folder} is incomplete.",
            f"It has one of two factors of {module}.",
            "Fetch or save it again.",
        )
    settings, rank = adapter.settings, len(a) // experts
    alpha = _of_module(settings.get("alpha_pattern"), module) or settings.get("lora_alpha") or 8
    scale = float(alpha) / (math.sqrt(rank) if settings.get("use_rslora") else rank)
    lengths = parts.get("magnitude_vector")
    return Change(scale, a, b, None if lengths is None else lengths.flatten(), embedding)


def _of_module(patterns: Any, module: str) -> float | None:
    """The value of the first pattern that names the module or ends its name, as peft matches."""
    for pattern, value in (patterns or {}).items():
        if re.fullmatch(rf"(.*\.)?({canonical(pattern)}|{pattern})", _innermost(module)):
            return float(value)
    return None


def stored(adapter: Adapter) -> dict[str, Tensor]:
    """The tensors of an adapter under their names in its file; ProblemError if damaged."""
    try:
        if adapter.pickled:
            found: dict[str, Tensor] = torch.load(
                adapter.weights, map_location="cpu", weights_only=True
            )
            return found
        return safetensors.torch.load_file(adapter.weights)
    except Exception as error:
        raise _damaged(adapter, error) from None


def _damaged(adapter: Adapter, error: Exception) -> ProblemError:
    return problem(
        "model",
        f"The tensors of the adapter {adapter.folder} cannot be read.",
        reason(error),
        "Fetch or save it again.",
    )
