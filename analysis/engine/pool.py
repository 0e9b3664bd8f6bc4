"""The models in memory: loaded on request, kept while they fit, reloaded when they changed."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar, cast

import msgspec
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from analysis.engine.attaching import Adapters
from analysis.engine.loading import (
    Attention,
    LoadedModel,
    load_model,
    load_tokenizer,
    pick_device,
)
from analysis.engine.memory import Attempt, free_bytes, readable, release
from analysis.engine.planning import plan_spread
from analysis.engine.spreading import Spread
from analysis.engine.tokenizing import tokenizer_digest
from analysis.engine.weights import ModelWeights, open_weights
from analysis.events import ModelFacts, Progress, Steps
from analysis.models import checkpoint
from analysis.models.adapters import holds_adapter, open_adapter
from analysis.models.download import download
from analysis.models.places import Place, beneath
from analysis.models.references import is_hub_id, local_folder
from analysis.problems import IncompleteError, ProblemError, problem
from analysis.request import ModelChoice
from cache.fingerprint import fingerprint

# Room for activations, as a share of the weights.
_HEADROOM = 0.2
# Parts of base and tuned model shared by the requests for their layers.
_PARTS = 6
# Unfinished answers: both models' by two methods, of the last prompt and the one before.
_KEPT = 8

T = TypeVar("T")
E = TypeVar("E")


@dataclasses.dataclass(frozen=True)
class _Key:
    """What makes a model in memory another one; adapters on it do not."""

    folder: Path
    device: str
    dtype: str
    trust_remote_code: bool


@dataclasses.dataclass(frozen=True)
class _Held:
    """A model in memory, the fingerprint of its files, and the adapters on it."""

    fingerprint: str
    loaded: LoadedModel
    adapters: Adapters


class ModelPool:
    """Models by choice, the least recently used first, loaded with these attention kernels."""

    def __init__(self, *, attention: Attention = "auto") -> None:
        self._attention = attention
        self._held: dict[_Key, _Held] = {}
        self._keys: dict[ModelChoice, _Key] = {}
        self._tokenizers: dict[tuple[_Key, str], PreTrainedTokenizerBase] = {}
        self._parts: dict[object, object] = {}
        self._kept: dict[str, object] = {}

    def facts(self) -> tuple[ModelFacts, ...]:
        """The models in memory, the most recently used last."""
        return tuple(held.loaded.facts for held in self._held.values())

    def holds(self, choice: ModelChoice) -> bool:
        """Whether the model, or one that differs in its adapter only, is in memory."""
        return self._keys.get(_nameless(choice)) in self._held

    def get(self, choice: ModelChoice) -> Generator[Progress, None, LoadedModel]:
        """The model, loaded and downloaded as needed; ProblemError if unavailable or too large.

        Models that differ in their adapters only are one in memory: each call turns on the adapter
        that its model has, or turns off all. Use one model at a time.
        """
        place = yield from self.place(choice)
        key, mark = _key(choice, place), fingerprint(place.folder)
        self._keys[_nameless(choice)] = key
        if key in self._held and self._held[key].fingerprint != mark:
            self._evict(key)
        if key not in self._held:
            yield Progress("load", 0, 1, choice.name)
            loaded = self._load(choice, place, key)
            self._held[key] = _Held(mark, loaded, Adapters(loaded.model))
            yield Progress("load", 1, 1, choice.name)
        self._held[key] = held = self._held.pop(key)
        return self._turned(choice, place, key, held)

    def _turned(self, choice: ModelChoice, place: Place, key: _Key, held: _Held) -> LoadedModel:
        """A held model under the choice's name, with the choice's adapter on, or none."""
        facts = msgspec.structs.replace(held.loaded.facts, name=choice.name)
        if place.adapter is None:
            held.adapters.turn_off()
            return dataclasses.replace(held.loaded, choice=choice, facts=facts)
        started = time.monotonic()
        found = open_adapter(place.adapter, name=choice.name, allow_pickle=choice.allow_pickle)
        try:
            with Attempt():
                own, notes = held.adapters.turn_on(found, place.mark, name=choice.name)
        except BaseException:
            self._evict(key)
            raise
        tokenizer = self._tokenizer(choice, place, key)
        facts = msgspec.structs.replace(
            facts,
            parameters=facts.parameters + own,
            tokenizer_digest=tokenizer_digest(tokenizer),
            has_chat_template=bool(tokenizer.chat_template),
            seconds=facts.seconds + time.monotonic() - started,
            notes=(*facts.notes, *notes),
        )
        return dataclasses.replace(held.loaded, choice=choice, tokenizer=tokenizer, facts=facts)

    def tokenizer(self, choice: ModelChoice) -> Generator[Progress, None, PreTrainedTokenizerBase]:
        """The model's tokenizer; loads no weights, and fetches none if the tokenizer is here."""
        place = yield from self.place(choice)
        return self._tokenizer(choice, place, _key(choice, place))

    def _tokenizer(self, choice: ModelChoice, place: Place, key: _Key) -> PreTrainedTokenizerBase:
        """An adapter's own tokenizer, where it brings one, else the one of the model beneath."""
        own = place.adapter if place.adapter and checkpoint.has_tokenizer(place.adapter) else None
        mark = fingerprint(own or place.folder)
        if (key, mark) not in self._tokenizers:
            held = self._held.get(key)
            self._tokenizers[key, mark] = (
                held.loaded.tokenizer
                if held is not None and held.fingerprint == mark
                else load_tokenizer(choice, place.folder, own)
            )
        return self._tokenizers[key, mark]

    def place(self, choice: ModelChoice) -> Generator[Progress, None, Place]:
        """Where the model is, downloaded if needed; ProblemError if unavailable or incomplete."""
        folder = yield from self._folder(choice)
        if not holds_adapter(folder):
            if choice.bare and choice.beneath is None:
                raise problem(
                    "input",
                    f"{choice.location} is a whole model, not an adapter on another one.",
                    remedy="Name the other model of the pair with --base.",
                )
            return Place(folder)
        open_adapter(folder, name=_adapter_name(choice), allow_pickle=choice.allow_pickle)
        named = beneath(choice, folder)
        try:
            under = yield from self.place(named)
        except ProblemError as error:
            raise _nothing_beneath(choice, error) from None
        return Place(under.folder, None if choice.bare else folder)

    def weights(self, choice: ModelChoice) -> Generator[Progress, None, ModelWeights]:
        """The model's weights, read from disk layer by layer, with its adapter's changes."""
        place = yield from self.place(choice)
        if place.adapter is None:
            return open_weights(place.folder)
        found = open_adapter(place.adapter, name=choice.name, allow_pickle=choice.allow_pickle)
        return open_weights(place.folder, found)

    def _folder(self, choice: ModelChoice) -> Generator[Progress, None, Path]:
        """The folder of a model or of an adapter, downloaded if needed."""
        folder = local_folder(choice)
        if not is_hub_id(choice):
            return _whole(Path(choice.location))
        try:
            if folder is not None:
                return _whole(folder)
        except IncompleteError as incomplete:
            try:
                yield from download(choice)
            except ProblemError as error:
                raise _without_the_rest(incomplete, error) from None
        else:
            yield from download(choice)
        folder = local_folder(choice)
        if folder is None:
            raise problem("model", f"{choice.location} did not arrive.", remedy="Try again.")
        return _whole(folder)

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

    def kept(self, key: str, make: Callable[[], T]) -> T:
        """An unfinished answer, for the next run of its request to go on with.

        The last few are kept, whatever becomes of the models, unless a model that is wanted has
        no room otherwise.

        Args:
            key: Of the whole answer in the cache.
            make: Makes a new one.
        """
        found = self._kept.pop(key, None)
        self._kept[key] = make() if found is None else found
        while len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        return cast("T", self._kept[key])

    def forget(self, key: str) -> None:
        """Drop an unfinished answer: it is finished."""
        self._kept.pop(key, None)

    def evict_others(self, choice: ModelChoice) -> bool:
        """Free every model but the one got for this choice; returns whether there were any."""
        return self._evict_all_but(self._keys.get(_nameless(choice)))

    def _evict_all_but(self, kept: _Key | None) -> bool:
        self._parts.clear()
        others = [key for key in self._held if key != kept]
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

    def _load(self, choice: ModelChoice, place: Place, key: _Key) -> LoadedModel:
        device = pick_device(choice.device)
        spread = None
        if choice.device == "disk" or not self._make_room(choice, place, device):
            spread = self._spread(choice, place, device)
        while True:
            with Attempt():
                return load_model(
                    choice, place.folder, device, attention=self._attention, spread=spread
                )
            if not self._evict_all_but(key):
                raise _too_large(choice, place, device)

    def _spread(self, choice: ModelChoice, place: Place, device: torch.device) -> Spread:
        """Where the modules go of a model that a device has no room for, or that stays on disk."""
        cards = []
        if choice.device != "disk":
            if device.type != "cuda" or choice.device not in ("auto", "cuda"):
                raise _too_large(choice, place, device)
            # Its plan is for all cards, empty.
            self._evict_all_but(None)
            cards = [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
        free = {str(each): free_bytes(each) for each in (*cards, torch.device("cpu"))}
        return plan_spread(choice, place.folder, free)

    def _make_room(self, choice: ModelChoice, place: Place, device: torch.device) -> bool:
        """Evict models of a device until there is room for another; whether there is."""
        size = bytes_in_memory(choice, place, device)
        if free_bytes(device) < size * (1 + _HEADROOM):
            self._parts.clear()
            release(device)
        while free_bytes(device) < size * (1 + _HEADROOM):
            oldest = next(
                (key for key, held in self._held.items() if held.loaded.runs_on(device)), None
            )
            if oldest is None:
                break
            self._evict(oldest)
        if free_bytes(device) < size:
            self._kept.clear()
            release(device)
        return free_bytes(device) >= size

    def _evict(self, key: _Key) -> None:
        device = self._held.pop(key).loaded.device
        release(device)


def _key(choice: ModelChoice, place: Place) -> _Key:
    return _Key(place.folder, choice.device, choice.dtype, choice.trust_remote_code)


def _nameless(choice: ModelChoice) -> ModelChoice:
    return msgspec.structs.replace(choice, name="")


def _whole(folder: Path) -> Path:
    """The folder, once what a model or an adapter needs was found in it."""
    return (
        folder if folder.is_dir() and holds_adapter(folder) else checkpoint.inspect(folder).folder
    )


def bytes_in_memory(choice: ModelChoice, place: Place, device: torch.device) -> int:
    """Size of a model's weights in memory, without what an adapter adds."""
    dtype = "float32" if choice.dtype == "auto" and device.type == "cpu" else choice.dtype
    return checkpoint.inspect(place.folder).bytes_in_memory(dtype)


def _too_large(choice: ModelChoice, place: Place, device: torch.device) -> ProblemError:
    release(device)
    size = readable(bytes_in_memory(choice, place, device))
    return problem(
        "memory",
        f"{choice.name} does not fit into the memory of {device}.",
        f"Its weights take {size}, loading them some more; "
        f"{readable(free_bytes(device))} are free.",
        "Choose a smaller model, --dtype bfloat16, or another device; with --device disk the "
        "weights stay on disk, which is slow.",
    )


def _adapter_name(choice: ModelChoice) -> str:
    """What an adapter is called; a choice of what is beneath it has another name."""
    return choice.location if choice.bare else choice.name


def _nothing_beneath(choice: ModelChoice, error: ProblemError) -> ProblemError:
    found = error.problem
    what = f"The model beneath the adapter {_adapter_name(choice)} is of no use."
    return problem(found.kind, what, f"{found.what} {found.why}".strip(), found.remedy)


def _without_the_rest(incomplete: ProblemError, download: ProblemError) -> ProblemError:
    missing, failed = incomplete.problem, download.problem
    return problem(failed.kind, missing.what, f"{missing.why} {failed.why}".strip(), failed.remedy)


def layer_weights(choice: ModelChoice, layer: int, models: ModelPool) -> Steps[ModelWeights]:
    """The model's weights; ProblemError if it lacks the layer or is unavailable."""
    weights = yield from models.weights(choice)
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
