"""The base of all requests to the engine. Imports neither torch nor numpy.

A request is a small frozen structure in its method's package. It names the function that answers
it, the type of its result, and which of its fields the numbers depend on; no registry is needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

import msgspec

R = TypeVar("R")
P = TypeVar("P", bound="Part")

DType = Literal["auto", "float32", "float16", "bfloat16"]


class Part(msgspec.Struct, frozen=True):
    """A request, or a part of one, some of whose fields may not affect the numbers."""

    outside_key: ClassVar[tuple[str, ...]] = ()
    """Fields that do not affect the numbers, such as the path of a file; all have defaults."""

    def in_key(self: P) -> P:
        """A copy with only the fields that affect the numbers."""
        defaults = _outside_key(type(self))
        parts = {
            name: _in_key(value) for name, value in _values(self).items() if name not in defaults
        }
        return msgspec.structs.replace(self, **defaults, **parts)


class ModelChoice(Part, frozen=True):
    """A model and how to load it.

    Attributes:
        name: What the user called it (an alias, a hub id, a folder), for display only.
        location: What the name refers to: a hub id or an absolute folder.
        revision: Branch, tag or commit on the hub; empty for the default branch.
        device: ``auto``, ``cpu``, ``cuda`` (all cards, where one does not hold the model),
            ``cuda:N``, ``mps``, or ``disk`` for weights that come to the CPU only to run.
        dtype: Precision of the weights in memory; ``auto`` is float32 on a CPU, otherwise the
            checkpoint's own.
        trust_remote_code: Run Python code that ships with the model. Off unless requested.
        allow_pickle: Load pickled weights (``*.bin``). Off unless requested.
        beneath: What to apply an adapter to, instead of the model that it names; ignored for a
            whole model.
        bare: The model beneath an adapter, without the adapter.
    """

    name: str
    location: str
    revision: str = ""
    device: str = "auto"
    dtype: DType = "auto"
    trust_remote_code: bool = False
    allow_pickle: bool = False
    # Unset ones are not encoded, so that the keys of results stored before they existed hold.
    beneath: ModelChoice | msgspec.UnsetType = msgspec.UNSET
    bare: bool | msgspec.UnsetType = msgspec.UNSET

    def in_key(self) -> ModelChoice:
        """Only its precision: fingerprints stand for the weights, whatever the model is called.

        The device counts only if it determines the precision.
        """
        runs_on = "cpu" if self.device == "disk" else self.device
        device = runs_on if self.dtype == "auto" else ""
        return ModelChoice(name="", location="", device=device, dtype=self.dtype)


Pair: TypeAlias = tuple[ModelChoice, ModelChoice]
"""Base and tuned model."""


class Request(Part, Generic[R], frozen=True):
    """A request that is answered by an `R`.

    It names its function instead of importing it; only the engine process looks it up.
    """

    analysis: ClassVar[str]
    """Its name in cache keys and listings."""
    version: ClassVar[int] = 1
    """Raised whenever the same request would give different numbers; part of the cache key."""
    function: ClassVar[str]
    """``module:function``, a generator function ``(request, models) -> R`` that yields progress,
    partial results and notices; closing it cancels."""
    result: ClassVar[str]
    """``module:class`` of `R`."""
    stored: ClassVar[bool] = True
    """Whether to store the answer on disk."""

    @classmethod
    def result_type(cls) -> type[R]:
        """The class of the answers."""
        found: type[R] = named(cls.result)
        return found

    def key(self, fingerprints: Sequence[str]) -> str:
        """A key for the answer: the analysis, the weights and every parameter that matters.

        Args:
            fingerprints: One per model of `models`, in order. The models' names and locations do
                not count, and files are identified by content.
        """
        # Imported here because the cache's codec imports numpy and the first screen must not.
        from cache.codec import key

        return key(self.analysis, self.version, fingerprints, self.in_key())

    def models(self) -> tuple[ModelChoice, ...]:
        """The models that the answer depends on, in the order of the fields."""
        return tuple(_models(self))

    def parts(self) -> tuple[Request[R], ...]:
        """Requests whose answers make up this one's, for several engines; none if it is not long.

        They need not know of each other, and each takes long enough to be worth sending.
        """
        return ()

    def joined(self, answers: Sequence[R]) -> R:
        """The answer, of those to all of its `parts`, in their order."""
        raise NotImplementedError

    def renamed(self, result: R) -> R:
        """A stored answer with this request's name for the model, which may be another alias.

        The answer's ``model`` field, if it has one, is the name of the request's first model.
        """
        if isinstance(result, msgspec.Struct) and hasattr(result, "model"):
            return msgspec.structs.replace(result, model=self.models()[0].name)
        return result


class Ask(msgspec.Struct, Generic[R], frozen=True):
    """Requests that belong together, such as those of a layer in base and tuned model.

    What a method asks is a list of these, made in the *gather* of its room. A study, a command and
    a view take the same.

    Attributes:
        name: What they are about, for a reader.
        requests: In the order in which they are asked.
    """

    name: str
    requests: tuple[Request[R], ...]


def named(place: str) -> Any:
    """The object that ``module:name`` refers to."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def on_demand(places: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's ``__getattr__``: names whose modules are imported when they are asked for.

    What needs torch is offered so by a room that is free of it.
    """

    def found(name: str) -> Any:
        if name not in places:
            raise AttributeError(name)
        return named(f"{places[name]}:{name}")

    return found


@lru_cache
def _outside_key(kind: type[Part]) -> dict[str, Any]:
    """The defaults of the fields outside the key; a thousand requests may be looked up at once."""
    return {
        field.name: field.default
        for field in msgspec.structs.fields(kind)
        if field.name in kind.outside_key
    }


def _in_key(value: Any) -> Any:
    if isinstance(value, Part):
        return value.in_key()
    return tuple(map(_in_key, value)) if isinstance(value, tuple) else value


def _models(value: Any) -> Iterator[ModelChoice]:
    if isinstance(value, ModelChoice):
        yield value
    elif isinstance(value, Part | tuple):
        for each in value if isinstance(value, tuple) else _values(value).values():
            yield from _models(each)


def _values(part: Part) -> dict[str, Any]:
    return {name: getattr(part, name) for name in part.__struct_fields__}
