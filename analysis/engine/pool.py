"""The models in memory: loaded on request, kept while they fit, reloaded when they changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar, cast

import msgspec
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from analysis.engine.loading import (
    Attention,
    LoadedModel,
    load_model,
    load_tokenizer,
    pick_device,
)
from analysis.engine.memory import Attempt, free_bytes, readable, release
from analysis.engine.weights import ModelWeights, open_weights
from analysis.events import ModelFacts, Progress, Steps
from analysis.models import checkpoint
from analysis.models.download import download
from analysis.models.references import is_hub_id, local_folder
from analysis.problems import ProblemError, problem
from analysis.request import ModelChoice
from cache.fingerprint import fingerprint

# Room for activations, as a share of the weights.
_HEADROOM = 0.2
# Parts of base and tuned model shared by the requests for their layers.
_PARTS = 6

T = TypeVar("T")
E = TypeVar("E")


@dataclasses.dataclass(frozen=True)
class _Held:
    fingerprint: str
    loaded: LoadedModel


class ModelPool:
    """Models by choice, the least recently used first, loaded with these attention kernels."""

    def __init__(self, *, attention: Attention = "auto") -> None:
        self._attention = attention
        self._held: dict[ModelChoice, _Held] = {}
        self._tokenizers: dict[tuple[ModelChoice, str], PreTrainedTokenizerBase] = {}
        self._parts: dict[object, object] = {}

    def facts(self) -> tuple[ModelFacts, ...]:
        """The models in memory, the most recently used last."""
        return tuple(held.loaded.facts for held in self._held.values())

    def get(self, choice: ModelChoice) -> Generator[Progress, None, LoadedModel]:
        """The model, loaded and downloaded as needed; ProblemError if unavailable or too large."""
        folder = yield from self.folder(choice)
        key, mark = _key(choice), fingerprint(folder)
        if key in self._held and self._held[key].fingerprint != mark:
            self._evict(key)
        if key not in self._held:
            yield Progress("load", 0, 1, choice.name)
            self._held[key] = _Held(mark, self._load(choice, folder))
            yield Progress("load", 1, 1, choice.name)
        self._held[key] = self._held.pop(key)
        return _under_name(self._held[key].loaded, choice)

    def tokenizer(self, choice: ModelChoice) -> Generator[Progress, None, PreTrainedTokenizerBase]:
        """The model's tokenizer; loads no weights, and fetches none if the tokenizer is here."""
        folder = yield from self.folder(choice)
        key = (_key(choice), fingerprint(folder))
        if key not in self._tokenizers:
            held = self._held.get(key[0])
            self._tokenizers[key] = (
                held.loaded.tokenizer
                if held is not None and held.fingerprint == key[1]
                else load_tokenizer(choice, folder)
            )
        return self._tokenizers[key]

    def folder(self, choice: ModelChoice) -> Generator[Progress, None, Path]:
        """The model's folder, downloaded if needed; ProblemError if unavailable or incomplete."""
        folder = local_folder(choice)
        if not is_hub_id(choice):
            # Also reports what is wrong with the folder.
            return checkpoint.inspect(Path(choice.location)).folder
        try:
            if folder is not None:
                return checkpoint.inspect(folder).folder
        except checkpoint.IncompleteError as incomplete:
            try:
                yield from download(choice)
            except ProblemError as error:
                raise _without_the_rest(incomplete, error) from None
        else:
            yield from download(choice)
        folder = local_folder(choice)
        if folder is None:
            raise problem("model", f"{choice.location} did not arrive.", remedy="Try again.")
        return checkpoint.inspect(folder).folder

    def part(self, key: object, make: Callable[[], T]) -> T:
        """Something derived from a model that later requests need too, such as embeddings.

        The last few are kept until memory runs short.

        Args:
            key: Identifies the part and its model; different for every `make`.
            make: Makes it.
        """
        if key not in self._parts:
            while len(self._parts) >= _PARTS:
                del self._parts[next(iter(self._parts))]
            self._parts[key] = make()
        self._parts[key] = self._parts.pop(key)
        return cast("T", self._parts[key])

    def evict_others(self, choice: ModelChoice) -> bool:
        """Free every other model; returns whether there were any."""
        self._parts.clear()
        others = [key for key in self._held if key != _key(choice)]
        for key in others:
            self._evict(key)
        return bool(others)

    def with_room(
        self,
        loaded: LoadedModel,
        answer: Callable[[], Generator[E, None, T]],
        refusal: Callable[[], ProblemError],
    ) -> Generator[E, None, T]:
        """Run a model's answer; when memory runs out, restart it with that model alone.

        Args:
            loaded: The model.
            answer: Starts the answer.
            refusal: The error if memory does not suffice for this model alone either.
        """
        while True:
            with Attempt():
                return (yield from answer())
            release(loaded.device)
            if not self.evict_others(loaded.choice):
                raise refusal()

    def release_working_memory(self) -> None:
        """Free what computations left behind; the models stay."""
        self._parts.clear()
        for device in {held.loaded.device for held in self._held.values()}:
            release(device)

    def _load(self, choice: ModelChoice, folder: Path) -> LoadedModel:
        device = pick_device(choice.device)
        self._make_room(choice, folder, device)
        while True:
            with Attempt():
                return load_model(choice, folder, device, attention=self._attention)
            if not self.evict_others(choice):
                raise _too_large(choice, folder, device)

    def _make_room(self, choice: ModelChoice, folder: Path, device: torch.device) -> None:
        size = _size(choice, folder, device)
        if free_bytes(device) < size * (1 + _HEADROOM):
            self._parts.clear()
            release(device)
        while free_bytes(device) < size * (1 + _HEADROOM):
            oldest = next(
                (key for key, held in self._held.items() if held.loaded.device == device), None
            )
            if oldest is None:
                break
            self._evict(oldest)
        if free_bytes(device) < size:
            raise _too_large(choice, folder, device)

    def _evict(self, key: ModelChoice) -> None:
        device = self._held.pop(key).loaded.device
        release(device)


def _key(choice: ModelChoice) -> ModelChoice:
    """The choice without its name: equal keys mean the same model in memory."""
    return msgspec.structs.replace(choice, name="")


def _under_name(loaded: LoadedModel, choice: ModelChoice) -> LoadedModel:
    facts = msgspec.structs.replace(loaded.facts, name=choice.name)
    return dataclasses.replace(loaded, choice=choice, facts=facts)


def _size(choice: ModelChoice, folder: Path, device: torch.device) -> int:
    dtype = "float32" if choice.dtype == "auto" and device.type == "cpu" else choice.dtype
    return checkpoint.inspect(folder).bytes_in_memory(dtype)


def _too_large(choice: ModelChoice, folder: Path, device: torch.device) -> ProblemError:
    release(device)
    return problem(
        "memory",
        f"{choice.name} does not fit into the memory of {device}.",
        f"Its weights take {readable(_size(choice, folder, device))}, loading them some more; "
        f"{readable(free_bytes(device))} are free.",
        "Choose a smaller model, --dtype bfloat16, or another device.",
    )


def _without_the_rest(incomplete: ProblemError, download: ProblemError) -> ProblemError:
    missing, failed = incomplete.problem, download.problem
    return problem(failed.kind, missing.what, f"{missing.why} {failed.why}".strip(), failed.remedy)


def layer_weights(choice: ModelChoice, layer: int, models: ModelPool) -> Steps[ModelWeights]:
    """The model's weights; ProblemError if it lacks the layer or is unavailable."""
    weights = open_weights((yield from models.folder(choice)))
    if not 0 <= layer < weights.layers:
        raise problem(
            "input",
            f"There is no layer {layer}.",
            f"{choice.name} has {weights.layers} layers, 0 to {weights.layers - 1}.",
        )
    return weights


def layer_patterns(weights: ModelWeights, choice: ModelChoice, layer: int, expert: int) -> Tensor:
    """W_p [D_ff, D] of a dense layer, or of one of its experts; ProblemError if there is none."""
    experts = weights.experts_in(layer)
    if expert < 0 and not experts:
        return weights.down_projection(layer)
    if not 0 <= expert < experts:
        asked = f"expert {expert}" if expert >= 0 else "dense feed-forward network"
        raise problem(
            "input",
            f"Layer {layer} of {choice.name} has no {asked}.",
            f"It has {experts} experts." if experts else "It is dense.",
        )
    return weights.expert_down_projection(layer, expert)
