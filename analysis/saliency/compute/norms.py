"""Differentiates with the denominators of all norms held constant: frozen norms (METHODS 1).

A norm divides its input by its size, so that the input's length changes nothing. With the size held
constant it is a linear map like the layers around it, and the derivative along an embedding says
what the embedding contributes. Norms are found by what is computed rather than by class name: a
norm is a division by a root of squares, in whatever module it is written.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from analysis.engine.passes import exact
from analysis.saliency.methods import Quantity

Rule = Callable[[], AbstractContextManager[object]]
"""What differentiation follows: entered around every pass whose derivative is taken."""

# The attribute that marks a tensor as a root of squares.
_MARK = "_root_of_squares"


class FrozenNorms(TorchFunctionMode):
    """Holds the denominators of norms constant in the derivative of what is computed inside.

    Values stay. Backward passes may be taken outside, but what they compute again must be inside.

    Attributes:
        held: How many denominators were held.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held = 0

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run a function; if it is part of a norm, without the derivative of the denominator."""
        kwargs = kwargs or {}
        # Methods and functions of torch that do the same have the same name.
        part = _PARTS.get(getattr(function, "__name__", ""))
        return function(*args, **kwargs) if part is None else part(self, function, *args, **kwargs)

    def hold(self, denominator: Tensor) -> Tensor:
        """A denominator, or its inverse, as a constant."""
        self.held += 1
        return denominator.detach()


RULES: dict[Quantity, Rule] = {"gradient": nullcontext, "frozen_norms": FrozenNorms}


def _is_root(value: Any) -> bool:
    return isinstance(value, Tensor) and getattr(value, _MARK, False)


def _marked(value: Any) -> Any:
    if isinstance(value, Tensor):
        setattr(value, _MARK, True)
    return value


# What follows is called as (norms, function, *the function's own arguments).


def _root(norms: FrozenNorms, function: Any, *args: Any, **kwargs: Any) -> Any:
    return _marked(function(*args, **kwargs))


def _length(norms: FrozenNorms, function: Any, *args: Any, **kwargs: Any) -> Any:
    """A vector norm; one of another order than 2 is no root of squares."""
    order = next((kwargs[name] for name in ("p", "ord") if name in kwargs), None)
    order = args[1] if len(args) > 1 else order
    found = function(*args, **kwargs)
    return _marked(found) if order in (None, 2, 2.0, "fro") else found


def _inverse_root(norms: FrozenNorms, function: Any, *args: Any, **kwargs: Any) -> Any:
    return norms.hold(function(*args, **kwargs))


def _power(norms: FrozenNorms, function: Any, *args: Any, **kwargs: Any) -> Any:
    exponent = kwargs.get("exponent", args[1] if len(args) > 1 else None)
    found = function(*args, **kwargs)
    if not isinstance(exponent, (int, float)):
        return found
    if exponent == -0.5 or (exponent == -1 and _is_root(args[0])):
        return norms.hold(found)
    return _marked(found) if exponent == 0.5 else found


def _carried(norms: FrozenNorms, function: Any, *args: Any, **kwargs: Any) -> Any:
    """A root of another shape or precision, kept from zero, or times a number, is one too."""
    found = function(*args, **kwargs)
    return _marked(found) if any(map(_is_root, args)) else found


def _scaled(norms: FrozenNorms, function: Any, *args: Any, **kwargs: Any) -> Any:
    found = function(*args, **kwargs)
    roots = [_is_root(each) for each in args[:2]]
    numbers = [isinstance(each, (int, float)) for each in args[:2]]
    return _marked(found) if any(roots) and any(numbers) else found


def _quotient(norms: FrozenNorms, function: Any, *args: Any, **kwargs: Any) -> Any:
    if len(args) > 1 and _is_root(args[1]):
        args = (args[0], norms.hold(args[1]), *args[2:])
    elif _is_root(kwargs.get("other")):
        kwargs = {**kwargs, "other": norms.hold(kwargs["other"])}
    return function(*args, **kwargs)


def _inverse(norms: FrozenNorms, function: Any, root: Any, *args: Any, **kwargs: Any) -> Any:
    """A number or tensor divided by the first argument."""
    return function(norms.hold(root) if _is_root(root) else root, *args, **kwargs)


def _normalize(
    norms: FrozenNorms,
    function: Any,
    input: Tensor,  # noqa: A002 - torch's own names, here and below
    p: float = 2.0,
    dim: int = 1,
    eps: float = 1e-12,
    out: Tensor | None = None,
) -> Tensor:
    if p != 2.0 or out is not None:
        found: Tensor = function(input, p, dim, eps, out)
        return found
    size = torch.linalg.vector_norm(input, dim=dim, keepdim=True)
    return input / norms.hold(size.clamp_min(eps))


def _layer_norm(
    norms: FrozenNorms,
    function: Any,
    input: Tensor,  # noqa: A002
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    *_kernel: Any,
    **_options: Any,
) -> Tensor:
    wide = input.to(exact(input.dtype))
    dimensions = _last(normalized_shape)
    centred = wide - wide.mean(dimensions, keepdim=True)
    return _divided(norms, centred, dimensions, eps, weight, bias).to(input.dtype)


def _rms_norm(
    norms: FrozenNorms,
    function: Any,
    input: Tensor,  # noqa: A002
    normalized_shape: Any,
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    wide = input.to(exact(input.dtype))
    eps = torch.finfo(wide.dtype).eps if eps is None else eps
    return _divided(norms, wide, _last(normalized_shape), eps, weight, None).to(input.dtype)


def _group_norm(
    norms: FrozenNorms,
    function: Any,
    input: Tensor,  # noqa: A002
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    *_kernel: Any,
    **_options: Any,
) -> Tensor:
    wide = input.to(exact(input.dtype)).reshape(len(input), num_groups, -1)
    centred = wide - wide.mean(-1, keepdim=True)
    normal = _divided(norms, centred, (-1,), eps, None, None).reshape(input.shape)
    # One weight a channel, the second dimension.
    shape = (-1, *[1] * (input.dim() - 2))
    normal = normal if weight is None else normal * weight.reshape(shape)
    normal = normal if bias is None else normal + bias.reshape(shape)
    return normal.to(input.dtype)


def _last(normalized_shape: Any) -> tuple[int, ...]:
    count = 1 if isinstance(normalized_shape, int) else len(normalized_shape)
    return tuple(range(-count, 0))


def _divided(
    norms: FrozenNorms,
    values: Tensor,
    dimensions: tuple[int, ...],
    eps: float,
    weight: Tensor | None,
    bias: Tensor | None,
) -> Tensor:
    """Values over the root of their mean square, times the weight, plus the bias."""
    square = values.detach().square().mean(dimensions, keepdim=True)
    factor = norms.hold((square + eps).rsqrt())
    # Weight and denominator as one factor: the derivative is then a single product.
    found = values * (factor if weight is None else factor * weight)
    return found if bias is None else found + bias


# What torch calls the parts of norms.
_PARTS: dict[str, Callable[..., Any]] = {
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "group_norm": _group_norm,
    "normalize": _normalize,
    "rsqrt": _inverse_root,
    "pow": _power,
    "__pow__": _power,
    **dict.fromkeys(("sqrt", "sqrt_", "std"), _root),
    **dict.fromkeys(("norm", "linalg_norm", "vector_norm", "linalg_vector_norm"), _length),
    **dict.fromkeys(("div", "div_", "divide", "divide_", "true_divide", "true_divide_"), _quotient),
    **dict.fromkeys(("reciprocal", "__rdiv__", "__rtruediv__"), _inverse),
    **dict.fromkeys(("mul", "mul_", "multiply"), _scaled),
    **dict.fromkeys(
        (
            *("add", "add_", "clamp", "clamp_", "clamp_min", "clamp_min_", "clip", "maximum"),
            *("to", "type", "type_as", "float", "double", "half", "bfloat16"),
            *("unsqueeze", "squeeze", "view", "reshape", "expand", "expand_as", "__getitem__"),
            *("transpose", "contiguous", "clone"),
        ),
        _carried,
    ),
}
