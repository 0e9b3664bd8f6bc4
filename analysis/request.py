"""What every question to the engine has in common. No torch and no numpy here.

A request is a small frozen structure in its method's room that says itself how it is answered: by
which function, with which result, and what of it the numbers depend on. Nothing else lists them.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

import msgspec

R = TypeVar("R")
P = TypeVar("P", bound="Part")

DType = Literal["auto", "float32", "float16", "bfloat16"]


class Part(msgspec.Struct, frozen=True):
    """A request, or a structure within one, of which not every field decides the numbers."""

    outside_key: ClassVar[tuple[str, ...]] = ()
    """Fields that the numbers do not depend on, such as where a file lies; all have defaults."""

    def in_key(self: P) -> P:
        """The same with nothing but what the numbers depend on."""
        defaults = {
            field.name: field.default
            for field in msgspec.structs.fields(self)
            if field.name in self.outside_key
        }
        parts = {
            name: value.in_key()
            for name, value in _values(self)
            if isinstance(value, Part) and name not in defaults
        }
        return msgspec.structs.replace(self, **defaults, **parts)


class ModelChoice(Part, frozen=True):
    """A model and how to load it.

    Attributes:
        name: What the user called it: an alias, a hub id, a folder; shown, never opened.
        location: What the name stands for: a hub id or an absolute folder.
        revision: Branch, tag or commit on the hub; empty for the default branch.
        device: ``auto``, ``cpu``, ``cuda:N`` or ``mps``.
        dtype: Precision of the weights in memory; ``auto`` is float32 on a CPU, else the
            checkpoint's own.
        trust_remote_code: Run Python code that comes with the model. Off unless asked for by name.
        allow_pickle: Load pickled weights (``*.bin``). Off unless asked for by name.
    """

    name: str
    location: str
    revision: str = ""
    device: str = "auto"
    dtype: DType = "auto"
    trust_remote_code: bool = False
    allow_pickle: bool = False

    def in_key(self) -> ModelChoice:
        """Its precision: the weights count by their fingerprint, however they are named.

        A device counts only where it decides the precision.
        """
        device = self.device if self.dtype == "auto" else ""
        return ModelChoice(name="", location="", device=device, dtype=self.dtype)


Pair: TypeAlias = tuple[ModelChoice, ModelChoice]
"""Base and tuned model."""


class Request(Part, Generic[R], frozen=True):
    """A question that is answered by an `R`.

    Its function is named, not imported: only the engine process follows the name.
    """

    analysis: ClassVar[str]
    """Its name in cache keys and listings."""
    version: ClassVar[int] = 1
    """Raised whenever the same request would give other numbers; part of the cache key."""
    function: ClassVar[str]
    """``module:function``, a generator function ``(request, models) -> R`` that yields progress,
    partial results and notices; closing it cancels."""
    result: ClassVar[str]
    """``module:class`` of `R`."""
    stored: ClassVar[bool] = True
    """Whether the answer is worth keeping on disk."""

    @classmethod
    def result_type(cls) -> type[R]:
        """The class of the answers."""
        found: type[R] = named(cls.result)
        return found

    def key(self, fingerprints: Sequence[str]) -> str:
        """What identifies the answer: the analysis, the weights and every parameter that matters.

        Args:
            fingerprints: One for every model of `models`, in its order. The models' names and
                places do not count, and files count by their content.
        """
        # The first screen is painted without numpy, which the cache's encoding knows of.
        from cache.keys import key

        return key(self.analysis, self.version, fingerprints, self.in_key())

    def models(self) -> tuple[ModelChoice, ...]:
        """The models that the answer depends on, in the order of the fields."""
        return tuple(_models(self))

    def renamed(self, result: R) -> R:
        """A stored answer under the model's name of this request: other aliases may have stored it.

        Where the answer has a field ``model``, it is the name of the request's first model.
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
    """What a ``module:name`` names."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def _models(part: Part) -> Iterator[ModelChoice]:
    for _, value in _values(part):
        if isinstance(value, ModelChoice):
            yield value
        elif isinstance(value, Part):
            yield from _models(value)


def _values(part: Part) -> list[tuple[str, Any]]:
    return [(name, getattr(part, name)) for name in part.__struct_fields__]
