"""The word pairs of the heads of a layer, and of the neuron pairs of a head (METHODS 2)."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.engine.loading import pick_device
from analysis.engine.pool import ModelPool, layer_weights
from analysis.engine.tokenizing import tokenizer_digest
from analysis.engine.weights import ModelWeights
from analysis.events import Progress, Steps
from analysis.heads.compute.word_pairs import WordPairs, layer_word_pairs, neuron_word_pairs
from analysis.heads.request import HeadPairsRequest, NeuronPairsRequest
from analysis.heads.result import HeadPairs, NeuronPairs
from analysis.problems import problem
from analysis.words.compute.lexicon import Lexicon, Similarity, lexicon, similarity
from analysis.words.compute.word_embeddings import word_embeddings, word_tokens


def head_pairs(request: HeadPairsRequest, models: ModelPool) -> Steps[HeadPairs]:
    """The word pairs of every head of a layer (METHODS 2), head by head.

    Raises:
        ProblemError: The model, the words or the vectors cannot be used.
    """
    started = time.monotonic()
    weights, alike, embeddings = yield from _prepared(request, models)
    heads = _heads(weights, request, embeddings.device)
    found: list[WordPairs] = []
    vectors = alike.vectors.to(embeddings.device)
    count = weights.heads_in(request.layer)
    yield Progress("heads", 0, count, "heads")
    for pairs in layer_word_pairs(embeddings, *heads, vectors, alike.thresholds, request.top):
        found.append(pairs.explanation())
        yield Progress("heads", len(found), count, "heads")
    first, second, words = _compact(
        alike.lexicon.words,
        np.concatenate([each.first for each in found]),
        np.concatenate([each.second for each in found]),
    )
    return HeadPairs(
        model=request.model.name,
        layer=request.layer,
        heads=count,
        words=words,
        first=first,
        second=second,
        count=np.concatenate([each.count for each in found]),
        starts=np.cumsum([0, *(len(each.first) for each in found)], dtype=np.int64),
        neuron_pairs=heads[0][0].shape[1],
        vocabulary=len(alike.lexicon.words),
        notes=(*weights.notes, *alike.lexicon.notes),
        seconds=time.monotonic() - started,
        device=str(embeddings.device),
    )


def neuron_pairs(request: NeuronPairsRequest, models: ModelPool) -> Steps[NeuronPairs]:
    """The word pairs of every neuron pair of one head (METHODS 2); errors as `head_pairs`."""
    weights, alike, embeddings = yield from _prepared(request, models)
    if not 0 <= request.head < weights.heads_in(request.layer):
        raise problem(
            "input",
            f"There is no head {request.head}.",
            f"Layer {request.layer} of {request.model.name} has "
            f"{weights.heads_in(request.layer)} heads.",
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


def _prepared(
    request: HeadPairsRequest | NeuronPairsRequest, models: ModelPool
) -> Steps[tuple[ModelWeights, Similarity, Tensor]]:
    """The model's weights, the words with their vectors, and the embeddings [V, D]."""
    weights = yield from layer_weights(request.model, request.layer, models)
    if not weights.heads_in(request.layer):
        # Said in words there.
        weights.query_key(request.layer)
    tokenizer = yield from models.tokenizer(request.model)
    mark = (yield from models.place(request.model)).mark
    yield Progress("words", 0, None)
    digest, ids = models.part(
        ("tokenizer", mark),
        lambda: (tokenizer_digest(tokenizer), 1 + max(tokenizer.get_vocab().values(), default=0)),
    )
    other = request.vectors.model or request.model
    other_mark = (yield from models.place(other)).mark
    others = yield from models.weights(other)
    other_tokenizer = yield from models.tokenizer(other)

    def stand_in(words: Sequence[str]) -> Tensor:
        tokens = word_tokens(other_tokenizer, words, others.vocabulary)
        return word_embeddings(others.input_embeddings, tokens)[0]

    def make() -> Similarity:
        words = lexicon(request.words, tokenizer, weights.vocabulary)
        return similarity(words, request.vectors, stand_in)

    # The same for base and tuned model if they tokenize alike and know the same tokens.
    size = min(weights.vocabulary, ids)
    own = (digest, size, other_mark, request.words, request.vectors)
    alike = models.part(own, make)
    device = pick_device(request.model.device)
    embeddings = models.part(
        (mark, own, device), lambda: _prepared_rows(weights, alike.lexicon).to(device)
    )
    return weights, alike, embeddings


def _prepared_rows(weights: ModelWeights, words: Lexicon) -> Tensor:
    rows = words.embeddings(weights.input_embeddings)
    return rows - rows.mean(dim=1, keepdim=True) if weights.centres_embeddings else rows


def _heads(
    weights: ModelWeights, request: HeadPairsRequest, device: torch.device
) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    """W_q of every query head and W_k of every key head."""
    both = weights.query_key(request.layer)
    w_q, w_k = both.w_q.to(device), both.w_k.to(device)
    return torch.split(w_q, both.head_dim, dim=1), torch.split(w_k, both.head_dim, dim=1)


def _compact(
    words: Sequence[str], first: NDArray[np.int32], second: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], tuple[str, ...]]:
    """The pairs re-indexed into only the words that occur."""
    used, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    left, right = np.split(places.ravel().astype(np.int32), [len(first)])
    return left, right, tuple(words[each] for each in used.tolist())
