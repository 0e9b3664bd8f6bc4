"""Numbers that are not finite: which weight holds one, or in which layer the first arises."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

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
        """One to raise, of the kind ``model``."""
        return cls(Problem(kind="model", what=what, why=why, remedy=remedy))


def is_finite(values: Tensor) -> bool:
    """Whether every number is finite; a small part of the time of ``isfinite().all()``."""
    # A sum takes up what is not finite. It may overflow by itself, which hardly ever happens.
    total = values.sum(dtype=torch.promote_types(values.dtype, torch.float32))
    return bool(total.isfinite()) or bool(values.isfinite().all())


def weight_problem(where: str, name: str, values: Tensor) -> NotFiniteError:
    """What is to be said of a weight that holds numbers that are not finite; to raise.

    Args:
        where: Whose weight.
        name: The tensor.
        values: Its numbers, or those of it that were looked at.
    """
    missing, infinite = int(values.isnan().sum()), int(values.isinf().sum())
    found = [f"{missing:,} that are no numbers (NaN)"] * bool(missing)
    found += [f"{infinite:,} that are infinite"] * bool(infinite)
    # What was stored in a wider type may only be too large for the one it was loaded as.
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
    """What is to be said of a map as long as nobody has looked for the reason; to raise."""
    name = str(dtype).removeprefix("torch.")
    return NotFiniteError.of(
        "The importance of a prompt token is not a finite number.",
        f"The model computes in {name}.",
        _BETTER.get(name, _BETTER["float32"]),
    )


def explain_non_finite(
    model: PreTrainedModel, ids: Sequence[int] | None = None, name: str = ""
) -> NotFiniteError:
    """Why a model gave a number that is not finite, found out where it did; to raise.

    Looks at every weight, and where all are finite passes the ids through the model once. Neither
    is done before anything went wrong: it would take as long as loading the model does.

    Args:
        model: The model.
        ids: Token ids that it gave such a number for; None where they are not known.
        name: What the model is called; its class where empty.
    """
    name = name or type(model).__name__
    for tensor, weight in model.named_parameters():
        if weight.is_floating_point() and not is_finite(weight.detach()):
            return weight_problem(name, tensor, weight.detach())
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
    """The first module that gives numbers that are not finite and that spoil what follows."""
    spoilt: dict[str, bool] = {}

    def look(name: str) -> Any:
        def hook(_module: nn.Module, _args: object, output: object) -> None:
            spoilt.setdefault(name, not all(is_finite(each) for each in _floats(output)))

        return hook

    hooks = [
        module.register_forward_hook(look(name)) for name, module in model.named_modules() if name
    ]
    try:
        device = next(model.parameters()).device
        with torch.no_grad():
            model(input_ids=torch.tensor([list(ids)], device=device), use_cache=False)
    finally:
        for each in hooks:
            each.remove()
    # Some modules mean what is infinite: scores that are to be left out. Theirs goes no further.
    spreading = (name for name in spoilt if all(spoilt.get(each, True) for each in _up(name)))
    return next(spreading, None)


def _up(name: str) -> Iterator[str]:
    """A module and those it is a part of: ``a.b.c``, ``a.b``, ``a``."""
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
