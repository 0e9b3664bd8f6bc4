"""A tape of tangents: records what forward differentiation does, and replays it for many at once.

Forward differentiation computes a function together with its derivative along a tangent. Only the
operations on the tangent differ between prompt tokens, and they are linear in it. The tape records
them while the function is differentiated once; playing it carries a batch of other tangents through
them, with everything else constant. What a tangent does not reach is not computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import Parameter
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from analysis.saliency.compute.batching import batched
from analysis.saliency.compute.merging import merged
from analysis.saliency.compute.steps import Slot, Step, mapped, needed, tensors_in
from analysis.saliency.compute.storages import Storages
from analysis.saliency.compute.tail import pulled_back

Play = Callable[[int, Tensor], Tensor]
"""Takes the index of one of the tensors, and a batch of tangents of it."""

_aten = torch.ops.aten


class Tape:
    """The derivative of a function of several tensors at a point.

    Args:
        function: A function of tensors whose operations have forward derivatives.
        point: Where to differentiate.

    Attributes:
        value: Of the function at the point.

    Raises:
        NotImplementedError: The function overwrites a tangent in an unknown way, or its value does
            not depend on the point.
    """

    def __init__(
        self, function: Callable[[Sequence[Tensor]], Tensor], point: Sequence[Tensor]
    ) -> None:
        recorder = _Recorder()
        # For a view, torch would keep the tangent in a copy of its own.
        point = [each.clone() for each in point]
        with forward_ad.dual_level(), torch.no_grad():
            tangents = [torch.ones_like(each) for each in point]
            self._starts = [recorder.start(each) for each in tangents]
            duals = [
                forward_ad.make_dual(*each)  # type: ignore[no-untyped-call]
                for each in zip(point, tangents, strict=True)
            ]
            with recorder, _Products():
                dual = function(duals)
                self.value, derivative = forward_ad.unpack_dual(dual)  # type: ignore[no-untyped-call]
            end = None if derivative is None else recorder.slot_of(derivative)
        if end is None:
            raise NotImplementedError("no tangent reaches the value")
        self._end = end
        recorded = needed(recorder.steps, self._end)
        self._steps = needed(merged(recorded, self._end), self._end)

    def player(self) -> Play:
        """The derivative along tangents: [B, *shape of a tensor] to [B, *value]."""
        return self._player_to(self._end)

    def player_along(self, seeds: Tensor) -> Play:
        """The derivative's products with seeds [M, D], the value's shape: [B, *shape] to [B, M]."""
        slot, weights = pulled_back(self._steps, self._end, seeds)
        play = self._player_to(slot)

        def products(which: int, tangents: Tensor) -> Tensor:
            change = play(which, tangents).to(weights.dtype)
            return torch.einsum("bmd,md->bm", change.reshape(len(change), *weights.shape), weights)

        return products

    def _player_to(self, end: Slot) -> Play:
        runs = [(step, batched(step)) for step in needed(self._steps, end)]

        def play(which: int, tangents: Tensor) -> Tensor:
            # An absent slot stands for a zero tangent.
            filled = {self._starts[which]: tangents}
            for step, run in runs:
                if any(slot in filled for slot in step.read):
                    filled.update(zip(step.written, run(filled), strict=True))
                for slot in step.finished:
                    filled.pop(slot, None)
            return filled[end]

        return play


class _Products(TorchFunctionMode):
    """Skips the half of the product rule that is zero for a constant factor.

    Torch would compute it with a tangent of zeros, even for a layer's weights.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if function in _SOFTMAX:
            return _softmax(function, args, kwargs)
        if kwargs or function not in (linear, Tensor.mul):
            return function(*args, **kwargs)
        first, second = args[0], args[1]
        value, tangent = forward_ad.unpack_dual(first)  # type: ignore[no-untyped-call]
        if tangent is None or (isinstance(second, Tensor) and _tangent_of(second) is not None):
            return function(*args)
        moved = function(tangent, second)
        return forward_ad.make_dual(function(value, *args[1:]), moved)  # type: ignore[no-untyped-call]


_SOFTMAX = (torch.nn.functional.softmax, torch.softmax, Tensor.softmax)


def _softmax(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """P = softmax(A) and P∘dA - P Σ P∘dA, in fewer passes than torch."""
    dimension = kwargs.get("dim", args[1] if len(args) > 1 else None)
    value, tangent = forward_ad.unpack_dual(args[0]) if args else (None, None)  # type: ignore[no-untyped-call]
    if tangent is None or dimension is None:
        return function(*args, **kwargs)
    shares = function(value, *args[1:], **kwargs)
    moved = tangent.to(shares.dtype) * shares
    moved = torch.addcmul(moved, shares, moved.sum(dimension, keepdim=True).neg())
    return forward_ad.make_dual(shares, moved)  # type: ignore[no-untyped-call]


def _tangent_of(tensor: Tensor) -> Tensor | None:
    tangent: Tensor | None = forward_ad.unpack_dual(tensor).tangent  # type: ignore[no-untyped-call]
    return tangent


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records every operation on a tensor that has a slot, and gives its results slots."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps: list[Step] = []
        self._storages = Storages(self.steps.append)
        # The constants on the tape, by storage.
        self._constants: dict[int, list[Tensor]] = {}

    def start(self, tensor: Tensor) -> Slot:
        slot = Slot(tensor.shape, tensor.dtype)
        self._storages.put(tensor, slot)
        return slot

    def slot_of(self, tensor: Tensor) -> Slot | None:
        return self._storages.slot_of(tensor)

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run an operation, and record it if it involves a tangent."""
        kwargs = kwargs or {}
        changes = operation._schema.is_mutable
        # Read before anything is overwritten, above all the tensor written into.
        given = [*tensors_in(args), *tensors_in(list(kwargs.values()))]
        slots = {id(each): slot for each in given if (slot := self._storages.slot_of(each))}
        if changes:
            self._keep(args[0])
        result = operation(*args, **kwargs)
        # Most operations involve no tangent; some only compute shapes on tensors without data.
        if changes and (slots or self._storages.is_written(args[0])):
            self._write(operation, args, kwargs, slots)
        elif slots and not changes and operation not in _FOR_SHAPE_ONLY:
            self._add(operation, args, kwargs, slots, tensors_in(result))
        return result

    def _keep(self, tensor: Tensor) -> None:
        """Protect constants on the tape from a write into their tensor."""
        for each in self._constants.pop(tensor.untyped_storage()._cdata, ()):
            each.data = each.clone()

    def _replaced(self, value: Any, slots: dict[int, Slot]) -> Any:
        if not isinstance(value, Tensor) or id(value) in slots:
            return slots.get(id(value), value)
        if isinstance(value, Parameter):
            return value  # No pass writes into weights.
        constant = value.detach()
        self._constants.setdefault(value.untyped_storage()._cdata, []).append(constant)
        return constant

    def _add(
        self,
        operation: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        slots: dict[int, Slot],
        results: list[Tensor],
    ) -> None:
        if not results or results[0].is_meta or self._storages.is_written(results[0]):
            # A view of something written is read from the storage.
            return
        recorded = mapped(args, lambda each: self._replaced(each, slots))
        options = mapped(kwargs, lambda each: self._replaced(each, slots))
        if _changes_nothing(operation, args[0], recorded, results[0]):
            self._storages.put(results[0], recorded[0])
            return
        written = []
        for each in results:
            written.append(Slot(each.shape, each.dtype))
            self._storages.put(each, written[-1])
        read = tuple(slots.values())
        self.steps.append(Step(operation, recorded, options, read, tuple(written)))

    def _write(
        self,
        operation: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        slots: dict[int, Slot],
    ) -> None:
        """Record an operation that overwrites its first argument as one that returns a value."""
        target = args[0]
        value: Slot | Tensor
        if operation in _OVERWRITING:
            value = self._stored(slots.get(id(args[1])) if len(args) > 1 else None, target)
        elif not slots:
            value = target.clone()
        else:
            value = Slot(target.shape, target.dtype)
            recorded = mapped(args, lambda each: self._replaced(each, slots))
            read = tuple(slots.values())
            self.steps.append(Step(_by_value(operation), recorded, kwargs, read, (value,)))
        self._storages.write(target, value)

    def _stored(self, slot: Slot | None, target: Tensor) -> Slot | Tensor:
        """What a tensor holds after the content of a slot, or a constant, was copied into it."""
        if slot is None:
            return target.clone()
        if slot.dtype != target.dtype:
            given, slot = slot, Slot(slot.shape, target.dtype)
            options = {"dtype": target.dtype}
            self.steps.append(Step(_aten._to_copy.default, [given], options, (given,), (slot,)))
        if slot.shape != target.shape:
            given, slot = slot, Slot(target.shape, target.dtype)
            sizes = list(target.shape)
            self.steps.append(Step(_aten.expand.default, [given, sizes], {}, (given,), (slot,)))
        return slot


# These read only a tensor's shape.
_FOR_SHAPE_ONLY = frozenset(
    {
        _aten._new_zeros_with_same_feature_meta.default,
        _aten.new_zeros.default,
        _aten.new_empty.default,
        _aten.new_ones.default,
        _aten.new_full.default,
        _aten.zeros_like.default,
        _aten.empty_like.default,
        _aten.ones_like.default,
        _aten.full_like.default,
        _aten.new_empty_strided.default,
    }
)
# These overwrite their first argument regardless of its content.
_OVERWRITING = frozenset(
    {_aten.copy_.default, _aten.fill_.Tensor, _aten.fill_.Scalar, _aten.zero_.default}
)


def _by_value(operation: Any) -> Any:
    """The out-of-place version of an operation; NotImplementedError if there is none."""
    first, *others = operation._schema.arguments
    writes = [each for each in others if each.alias_info is not None and each.alias_info.is_write]
    name = operation._schema.name.removeprefix("aten::")
    packet = getattr(_aten, name.removesuffix("_"), None)
    found = getattr(packet, operation._overloadname, None) if name.endswith("_") else None
    if found is None or writes or first.alias_info is None:
        raise NotImplementedError(f"{operation} overwrites a tangent")
    return found


def _changes_nothing(operation: Any, given: Any, recorded: list[Any], result: Tensor) -> bool:
    """Whether an operation returns its first argument unchanged; each costs a pass over memory."""
    if not isinstance(recorded[0], Slot):
        return False
    if given.shape != result.shape or given.dtype != result.dtype:
        return False
    if operation is _aten._to_copy.default:
        return bool(given.device == result.device)
    if operation is _aten.add.Tensor:
        # The product rule adds the other factor's tangent, which is zero for weights.
        return isinstance(recorded[1], Tensor) and not bool(recorded[1].any())
    return operation is _aten.expand.default
