"""Tensors of files under the names that transformers gives them when it loads them.

Names and layouts in files are older than transformers' own or another framework's. Which tensor of
memory is made of which of a file's is what transformers' loader knows; the same rules are applied
here, a tensor at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import (
    MergeModulelist,
    WeightConverter,
    WeightRenaming,
    dot_natural_key,
    rename_source_key,
)

from analysis.engine.weights.tensors import TensorSource

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass
class _Origin:
    """What one tensor is made of.

    Attributes:
        converter: How; None where it is stored as it is.
        parts: Stored names, in order, each with the pattern of the converter that it matches.
        first: The name that the converter itself goes by, where it makes several tensors.
    """

    converter: WeightConverter | None
    first: str
    parts: list[tuple[str, str]] = field(default_factory=list)

    @property
    def stacked(self) -> bool:
        """Whether it is a list of stored tensors, one on top of the other."""
        operations = self.converter.operations if self.converter else ()
        return len(operations) == 1 and isinstance(operations[0], MergeModulelist)


class AsLoaded:
    """A `TensorSource` of stored tensors by their names in memory.

    Args:
        stored: By their names in the files.
        model: What they are loaded into; its weights are not looked at.
    """

    def __init__(self, stored: TensorSource, model: PreTrainedModel) -> None:
        self._stored, self._model = stored, model
        self.where, self.notes = stored.where, stored.notes
        self._origins = _origins(tuple(stored.names()), model)
        self._tied = _tied(model)

    def __contains__(self, name: str) -> bool:
        return self._found(name) is not None

    def names(self) -> tuple[str, ...]:
        """All names in memory of which there is something in the files."""
        return tuple(self._origins)

    def shape(self, name: str) -> tuple[int, ...]:
        origin = self._origin(name)
        first = self._stored.shape(origin.parts[0][0])
        if origin.converter is None:
            return first
        if origin.stacked:
            return (len(origin.parts), *first)
        return tuple(self._converted(name, origin, shapes_only=True).shape)

    def read(self, name: str, index: int | Tensor | None = None) -> Tensor:
        """As `TensorSource.read`; one of many stored experts is read alone."""
        origin = self._origin(name)
        if origin.converter is None:
            return self._stored.read(origin.parts[0][0], index)
        if origin.stacked and isinstance(index, int):
            return self._stored.read(origin.parts[index][0])
        whole = self._converted(name, origin)
        return whole if index is None else whole[index]

    def _origin(self, name: str) -> _Origin:
        found = self._found(name)
        if found is None:
            raise KeyError(name)
        return self._origins[found]

    def _found(self, name: str) -> str | None:
        """The name itself, or that of a tensor that it is tied to: what is stored is used."""
        if name in self._origins:
            return name
        return next((other for other in self._tied.get(name, ()) if other in self._origins), None)

    def _converted(self, name: str, origin: _Origin, *, shapes_only: bool = False) -> Tensor:
        converter: Any = deepcopy(origin.converter)
        for stored, pattern in origin.parts:
            shape = self._stored.shape(stored)
            part = torch.empty(shape, device="meta") if shapes_only else self._stored.read(stored)
            converter.add_tensor(origin.first, stored, pattern, part)
        made = converter.convert(origin.first, model=self._model, config=self._model.config)
        found: Tensor | list[Tensor] = made[self._found(name)]
        return found[0] if isinstance(found, list) else found


@lru_cache(maxsize=3)
def _origins(stored: tuple[str, ...], model: PreTrainedModel) -> dict[str, _Origin]:
    """What each tensor of the model is made of, as transformers' loader decides it.

    Kept for a base and a tuned model: a mixture of experts has tens of thousands of names, and its
    layers are asked for one by one.
    """
    rules = get_model_conversion_mapping(model)
    renamings = [each for each in rules if isinstance(each, WeightRenaming)]
    converters = [each for each in rules if isinstance(each, WeightConverter)]
    by_pattern = {pattern: each for each in converters for pattern in each.source_patterns}
    own = model.state_dict()
    found: dict[str, _Origin] = {}
    for key in sorted(stored, key=dot_natural_key):
        prefix = model.base_model_prefix
        name, pattern = rename_source_key(key, renamings, converters, prefix, own)
        if name not in own and key in own:
            name, pattern = rename_source_key(key, [], [], prefix, own)
        converter = by_pattern[pattern] if pattern is not None else None
        for target in _targets(name, converter):
            origin = found.setdefault(target, _Origin(converter, name))
            # A name that is stored as it is comes before one that is made of others.
            origin.parts.append((key, pattern or key))
    return found


def _targets(name: str, converter: WeightConverter | None) -> Sequence[str]:
    """All tensors that a converter makes, given the name of the first."""
    if converter is None or len(converter.target_patterns) == 1:
        return (name,)
    first, *others = converter.target_patterns
    return (name, *(name.replace(first, other, 1) for other in others))


def _tied(model: PreTrainedModel) -> dict[str, tuple[str, ...]]:
    """For each tied name, the others of its set."""
    sets: dict[str, set[str]] = {}
    for target, source in (getattr(model, "all_tied_weights_keys", None) or {}).items():
        joined = sets.get(target, {target}) | sets.get(source, {source})
        sets |= dict.fromkeys(joined, joined)
    return {name: tuple(sorted(each - {name})) for name, each in sets.items()}
