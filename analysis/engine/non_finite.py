"""Explains non-finite numbers: which weight holds one, or in which layer the first arises."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from analysis.engine.whereabouts import device_of, numbers
from analysis.problems import Problem, ProblemError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_LAYER = re.compile(r"\.(\d+)(\.|$)")
_BETTER = {
    "float16": "Load it as bfloat16 or float32.",
    "bfloat16": "Load it as float32.",
    "float32": "Its weights do not fit together: check where they come from.",
}


class NotFiniteError(ProblemError):
    """A result is not a finite number; `explain_non_finite` says why."""

    @classmethod
    def of(cls, what: str, why: str, remedy: str) -> NotFiniteError:
        """An error of the kind ``model``."""
        return cls(Problem(kind="model", what=what, why=why, remedy=remedy))


def is_finite(values: Tensor) -> bool:
    """Whether every number is finite; far faster than ``isfinite().all()``."""
    # A sum is not finite if any term is not. It may also overflow, which hardly ever happens.
    total = values.sum(dtype=torch.promote_types(values.dtype, torch.float32))
    return bool(total.isfinite()) or bool(values.isfinite().all())


def weight_problem(where: str, name: str, values: Tensor) -> NotFiniteError:
    """The problem of a weight of `where`, of which `values` (all or a part) are not all finite."""
    missing, infinite = int(values.isnan().sum()), int(values.isinf().sum())
    found = [f"{missing:,} that are no numbers (NaN)"] * bool(missing)
    found += [f"{infinite:,} that are infinite"] * bool(infinite)
    # A number stored in a wider type may only be too large for the type it was loaded as.
    narrowed = not missing and values.dtype == torch.float16
    return NotFiniteError.of(
        f"The weights of {where} hold numbers that are not finite.",
        f"Among the {values.numel():,} of {name} there are {' and '.join(found)}.",
        "Load it as bfloat16 or float32: float16 ends at 65,504."
        if narrowed
        else "The run that trained them diverged, or the file is damaged: take an earlier "
        "checkpoint, or fetch the model again.",
    )


def importance_problem(dtype: torch.dtype) -> NotFiniteError:
    """The problem of a map that is not finite, before anybody has looked for the reason."""
    name = str(dtype).removeprefix("torch.")
    return NotFiniteError.of(
        "The importance of a prompt token is not a finite number.",
        f"The model computes in {name}.",
        _BETTER.get(name, _BETTER["float32"]),
    )


def explain_non_finite(
    model: PreTrainedModel, ids: Sequence[int] | None = None, name: str = ""
) -> NotFiniteError:
    """Find out why a model gave a non-finite number.

    Looks at every weight and, if all are finite, passes the ids through the model once. This takes
    as long as loading the model, so it runs only after something went wrong.

    Args:
        model: The model.
        ids: The token ids that led to the number; None if unknown.
        name: What errors call the model; empty for its class.
    """
    name = name or type(model).__name__
    for tensor, weight in model.named_parameters():
        if weight.is_floating_point() and not is_finite(values := numbers(model, tensor)):
            return weight_problem(name, tensor, values)
    dtype = str(model.dtype).removeprefix("torch.")
    what = f"The numbers of {name} leave the range of {dtype}."
    place = None if ids is None else _first_place(model, ids)
    if place is not None:
        layer = _LAYER.search(place)
        where = f"in layer {layer[1]} ({place})" if layer else f"in {place}"
        why = f"The first that is not finite arises {where}; the weights themselves are finite."
    else:
        why = "Its weights are finite, and so is what it computes; the derivatives are not."
        if ids is None:
            why = "Its weights themselves are finite."
    return NotFiniteError.of(what, why, _BETTER.get(dtype, _BETTER["float32"]))


def _first_place(model: PreTrainedModel, ids: Sequence[int]) -> str | None:
    """The first module whose output is not finite and spoils what follows."""
    spoilt: dict[str, bool] = {}

    def look(name: str) -> Any:
        def hook(_module: nn.Module, _args: object, output: object) -> None:
            spoilt.setdefault(name, not all(is_finite(each) for each in _floats(output)))

        return hook

    hooks = [
        module.register_forward_hook(look(name)) for name, module in model.named_modules() if name
    ]
    try:
        with torch.no_grad():
            model(input_ids=torch.tensor([list(ids)], device=device_of(model)), use_cache=False)
    finally:
        for each in hooks:
            each.remove()
    # Some modules give infinities on purpose, for scores to be masked; these do not spread.
    spreading = (name for name in spoilt if all(spoilt.get(each, True) for each in _up(name)))
    return next(spreading, None)


def _up(name: str) -> Iterator[str]:
    """A module and those that contain it: ``a.b.c``, ``a.b``, ``a``."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _floats(output: object) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        if output.is_floating_point():
            yield output
    elif isinstance(output, tuple | list):
        for each in output:
            yield from _floats(each)
    elif isinstance(output, dict):
        yield from _floats(tuple(output.values()))
