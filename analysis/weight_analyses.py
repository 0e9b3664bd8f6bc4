"""The analyses that read a model's weights layer by layer and never build it (METHODS 2 and 3)."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.concepts import PrincipalWords, principal_words
from analysis.events import Notice, Partial, Progress
from analysis.heads import WordPairs, layer_word_pairs, neuron_word_pairs
from analysis.models.loading import pick_device
from analysis.models.pool import ModelPool
from analysis.models.tokenizing import tokenizer_digest
from analysis.models.weights import ModelWeights, open_weights
from analysis.problems import problem
from analysis.requests import (
    ArchitectureRequest,
    ConceptsRequest,
    HeadPairsRequest,
    ModelChoice,
    NeuronPairsRequest,
    Words,
)
from analysis.results import (
    Architecture,
    Components,
    HeadPairs,
    LayerConcepts,
    NeuronPairs,
)
from analysis.rotation import rotation
from analysis.vocabulary.lexicon import Lexicon, Similarity, lexicon, similarity
from analysis.vocabulary.word_embeddings import word_embeddings, word_tokens
from cache.fingerprint import fingerprint

Event = Progress | Partial | Notice


def describe(
    request: ArchitectureRequest, models: ModelPool
) -> Generator[Event, None, Architecture]:
    """What a model is built of, from its configuration and the names of its tensors."""
    weights = open_weights((yield from models.folder(request.model)))
    return Architecture(
        model=request.model.name,
        family=weights.family,
        layers=weights.layers,
        heads=weights.heads,
        key_value_heads=weights.key_value_heads,
        head_dim=weights.head_dim,
        width=weights.width,
        feed_forward=weights.feed_forward,
        experts=weights.experts + weights.shared_experts if weights.experts else 0,
        notes=weights.notes,
        dense_layers=tuple(
            layer
            for layer in range(weights.layers)
            if weights.experts and not weights.experts_in(layer)
        ),
    )


def head_pairs(request: HeadPairsRequest, models: ModelPool) -> Generator[Event, None, HeadPairs]:
    """The word pairs of every head of a layer (METHODS 2), head by head.

    Raises:
        ProblemError: The model, the words or the vectors cannot be used.
    """
    started = time.monotonic()
    weights, alike, embeddings = yield from _prepared(request, models)
    heads = _heads(weights, request, embeddings.device)
    found: list[WordPairs] = []
    vectors = alike.vectors.to(embeddings.device)
    yield Progress("heads", 0, weights.heads, "heads")
    for pairs in layer_word_pairs(embeddings, *heads, vectors, alike.thresholds, request.top):
        found.append(pairs.explanation())
        yield Progress("heads", len(found), weights.heads, "heads")
    first, second, words = _compact(
        alike.lexicon.words,
        np.concatenate([each.first for each in found]),
        np.concatenate([each.second for each in found]),
    )
    return HeadPairs(
        model=request.model.name,
        layer=request.layer,
        heads=weights.heads,
        words=words,
        first=first,
        second=second,
        count=np.concatenate([each.count for each in found]),
        starts=np.cumsum([0, *(len(each.first) for each in found)], dtype=np.int64),
        neuron_pairs=weights.head_dim,
        vocabulary=len(alike.lexicon.words),
        notes=(*weights.notes, *alike.lexicon.notes),
        seconds=time.monotonic() - started,
        device=str(embeddings.device),
    )


def neuron_pairs(
    request: NeuronPairsRequest, models: ModelPool
) -> Generator[Event, None, NeuronPairs]:
    """The word pairs of every neuron pair of one head (METHODS 2).

    Raises:
        ProblemError: As `head_pairs`.
    """
    weights, alike, embeddings = yield from _prepared(request, models)
    if not 0 <= request.head < weights.heads:
        raise problem(
            "input",
            f"There is no head {request.head}.",
            f"{request.model.name} has {weights.heads} heads in a layer.",
        )
    w_q, w_k = weights.query_key(request.layer).head(request.head)
    found = neuron_word_pairs(
        embeddings,
        w_q.to(embeddings.device),
        w_k.to(embeddings.device),
        alike.vectors.to(embeddings.device),
        alike.thresholds,
        request.top,
    )
    first, second, words = _compact(alike.lexicon.words, found.first, found.second)
    return NeuronPairs(
        model=request.model.name,
        layer=request.layer,
        head=request.head,
        words=words,
        first=first,
        second=second,
        score=found.score,
        starts=found.starts,
        notes=(*weights.notes, *alike.lexicon.notes),
    )


def concepts(request: ConceptsRequest, models: ModelPool) -> Generator[Event, None, LayerConcepts]:
    """The principal components of a layer in both models, and how tuning turned them (METHODS 3).

    Raises:
        ProblemError: A model or the words cannot be used.
    """
    started = time.monotonic()
    found: list[PrincipalWords] = []
    sides: list[Components] = []
    notes: tuple[str, ...] = ()
    for done, choice in enumerate((request.base, request.tuned)):
        yield Progress("components", done, 3, choice.name)
        words, embeddings = yield from output_words(choice, request.words, models)
        weights = yield from layer_weights(choice, request.layer, models)
        patterns = layer_patterns(weights, choice, request.layer, request.expert)
        patterns = patterns.to(embeddings.device)
        part = principal_words(
            patterns, embeddings, request.rank, request.top, measure=request.measure
        )
        del patterns
        found.append(part)
        sides.append(_components(choice, part, words.words))
        notes = tuple(dict.fromkeys((*notes, *words.notes)))
    yield Progress("components", 2, 3, "rotation")
    turned = rotation(found[0].directions, found[1].directions)
    if len(found[0].directions) == weights.width == len(found[1].directions):
        notes = (
            *notes,
            f"All {weights.width} components together span the whole space: only the angles "
            "of single components say something.",
        )
    return LayerConcepts(
        layer=request.layer,
        expert=request.expert,
        base=sides[0],
        tuned=sides[1],
        matched=turned.matched,
        angles=turned.angles,
        subspace_angles=turned.subspace_angles,
        notes=notes,
        seconds=time.monotonic() - started,
        device=str(embeddings.device),
    )


# What the layers of a model share


def _prepared(
    request: HeadPairsRequest | NeuronPairsRequest, models: ModelPool
) -> Generator[Event, None, tuple[ModelWeights, Similarity, Tensor]]:
    """The model's weights, the words with their vectors, and their embeddings [V, D]."""
    weights = yield from layer_weights(request.model, request.layer, models)
    tokenizer = yield from models.tokenizer(request.model)
    mark = fingerprint((yield from models.folder(request.model)))
    yield Progress("words", 0, None)
    digest, ids = models.part(
        ("tokenizer", mark),
        lambda: (tokenizer_digest(tokenizer), 1 + max(tokenizer.get_vocab().values(), default=0)),
    )
    other = request.vectors.model or request.model
    other_folder = yield from models.folder(other)
    other_tokenizer = yield from models.tokenizer(other)

    def stand_in(words: Sequence[str]) -> Tensor:
        others = open_weights(other_folder)
        tokens = word_tokens(other_tokenizer, words, others.vocabulary)
        return word_embeddings(others.input_embeddings, tokens)[0]

    def make() -> Similarity:
        words = lexicon(request.words, tokenizer, weights.vocabulary)
        return similarity(words, request.vectors, stand_in)

    # Base and tuned model share it where they cut text alike and know the same tokens.
    size = min(weights.vocabulary, ids)
    own = (digest, size, fingerprint(other_folder), request.words, request.vectors)
    alike = models.part(own, make)
    device = pick_device(request.model.device)
    embeddings = models.part(
        (mark, own, device), lambda: _prepared_rows(weights, alike.lexicon).to(device)
    )
    return weights, alike, embeddings


def _prepared_rows(weights: ModelWeights, words: Lexicon) -> Tensor:
    rows = words.embeddings(weights.input_embeddings)
    return rows - rows.mean(dim=1, keepdim=True) if weights.centres_embeddings else rows


def output_words(
    choice: ModelChoice, words: Words, models: ModelPool
) -> Generator[Event, None, tuple[Lexicon, Tensor]]:
    """The words that a model can write and their output embeddings, [V, D]."""
    folder = yield from models.folder(choice)
    tokenizer = yield from models.tokenizer(choice)
    device = pick_device(choice.device)

    def make() -> tuple[Lexicon, Tensor]:
        weights = open_weights(folder)
        found = lexicon(words, tokenizer, weights.vocabulary)
        return found, found.embeddings(weights.output_embeddings).to(device)

    return models.part((fingerprint(folder), words, device), make)


def layer_weights(
    choice: ModelChoice, layer: int, models: ModelPool
) -> Generator[Event, None, ModelWeights]:
    """The model's weights, which have such a layer.

    Raises:
        ProblemError: They have not, or the model cannot be had.
    """
    weights = open_weights((yield from models.folder(choice)))
    if not 0 <= layer < weights.layers:
        raise problem(
            "input",
            f"There is no layer {layer}.",
            f"{choice.name} has {weights.layers} layers, 0 to {weights.layers - 1}.",
        )
    return weights


def _heads(
    weights: ModelWeights, request: HeadPairsRequest, device: torch.device
) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    """W_q of every head and W_k of every key head."""
    both = weights.query_key(request.layer)
    w_q, w_k = both.w_q.to(device), both.w_k.to(device)
    return torch.split(w_q, both.head_dim, dim=1), torch.split(w_k, both.head_dim, dim=1)


def layer_patterns(weights: ModelWeights, choice: ModelChoice, layer: int, expert: int) -> Tensor:
    """W_p of a dense layer, or of one of its experts, [D_ff, D].

    Raises:
        ProblemError: There is no such expert.
    """
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


def _components(choice: ModelChoice, found: PrincipalWords, words: Sequence[str]) -> Components:
    used, places = np.unique(found.word_indices, return_inverse=True)
    return Components(
        model=choice.name,
        explained_variance=found.explained_variance,
        words=tuple(words[each] for each in used.tolist()),
        word_indices=places.reshape(found.word_indices.shape).astype(np.int32),
        measures=found.measures,
    )


def _compact(
    words: Sequence[str], first: NDArray[np.int32], second: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], tuple[str, ...]]:
    """The pairs by indices into those words only that occur."""
    used, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    left, right = np.split(places.ravel().astype(np.int32), [len(first)])
    return left, right, tuple(words[each] for each in used.tolist())
