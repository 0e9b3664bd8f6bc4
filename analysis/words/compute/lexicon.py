"""The words of a weight analysis, with their tokens in a model and their vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from analysis.demo.catalog import VECTORS_NAME, WEIGHTS
from analysis.engine.loading import pick_device
from analysis.engine.pool import ModelPool
from analysis.engine.token_bytes import token_bytes
from analysis.events import Steps
from analysis.problems import problem
from analysis.request import ModelChoice
from analysis.words.choice import Words, WordVectors
from analysis.words.compute.thresholds import similarity_thresholds
from analysis.words.compute.word_embeddings import word_embeddings, word_tokens
from analysis.words.word_vectors import VectorMap, open_word_vectors, unit_length
from analysis.words.words import (
    WordList,
    demo_words,
    english_words,
    token_words,
    words_from_file,
)

Rows = Callable[[Tensor], Tensor]
"""Token ids [n] → their embeddings [n, D]."""


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Words that a model can write, V, most frequent first, with their token ids.

    Notes say in sentences where they come from and what was left out.
    """

    words: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]
    notes: tuple[str, ...]

    def embeddings(self, rows: Rows) -> Tensor:
        """float32 [V, D]: the mean of each word's token embeddings (METHODS 2)."""
        return word_embeddings(rows, self.tokens)[0]

    def only(self, known: NDArray[np.bool_], without: str) -> Lexicon:
        """The words where `known` is true; a note says how many have `without`, "no vector" say."""
        if known.all():
            return self
        kept = np.flatnonzero(known).tolist()
        missing = len(self.words) - len(kept)
        return Lexicon(
            tuple(self.words[each] for each in kept),
            tuple(self.tokens[each] for each in kept),
            (*self.notes, f"{missing:,} of {len(self.words):,} words have {without}."),
        )


def lexicon(words: Words, tokenizer: PreTrainedTokenizerBase, vocabulary: int) -> Lexicon:
    """The words that a model can write.

    `vocabulary` is the number of rows of its embeddings; it does not know tokens beyond them.
    Raises ProblemError if the list cannot be read, or the model can write none of its words.
    """
    listed = _listed(words, tokenizer)
    tokens = tuple(tuple(ids) for ids in word_tokens(tokenizer, listed.words, vocabulary))
    source = f"Words: {len(listed):,}, {listed.source}."
    found = Lexicon(listed.words, tokens, (source, *listed.notes)).only(
        np.array([bool(ids) for ids in tokens]), "no token in the model's vocabulary"
    )
    if not found.words:
        raise problem("input", "The model's vocabulary can write none of the words.")
    return found


def _listed(words: Words, tokenizer: PreTrainedTokenizerBase) -> WordList:
    match words.source:
        case "english":
            return english_words(words.limit)
        case "demo":
            return demo_words(words.limit)
        case "tokens":
            spelled = (token_bytes(tokenizer, token) for token in range(len(tokenizer)))
            return token_words((each.decode(errors="replace") for each in spelled), words.limit)
        case "file":
            return words_from_file(Path(words.path), words.limit)


@dataclass(frozen=True, eq=False)
class Similarity:
    """A lexicon of words that have a vector: float32 [V, G], unit length.

    `thresholds` are float64 [V], θ of METHODS 2.
    """

    lexicon: Lexicon
    vectors: Tensor
    thresholds: NDArray[np.float64]


def similarity(
    lexicon: Lexicon, vectors: WordVectors, stand_in: Callable[[Sequence[str]], Tensor]
) -> Similarity:
    """The vectors of a lexicon's words; `stand_in` embeds words, [V, D], when there are none.

    Raises ProblemError if the vectors cannot be read, or contain none of the words.
    """
    match vectors.source:
        case "demo":
            found, known = _demo_vectors().vectors_for(lexicon.words)
            note = "Vectors: the demo pair's own."
        case "file":
            opened = open_word_vectors(Path(vectors.path), Path(vectors.folder))
            found, known = opened.vectors_for(lexicon.words)
            note = " ".join((f"Vectors: {Path(vectors.path).name}.", *opened.notes))
        case "embeddings":
            found, known = unit_length(stand_in(lexicon.words).numpy())
            name = vectors.model.name if vectors.model is not None else "the model"
            note = (
                f"Vectors: the input embeddings of {name} stand in because no vectors were given."
            )
    kept = lexicon.only(known, "no vector")
    if not kept.words:
        raise problem(
            "input",
            "None of the words has a vector.",
            f"The first words are {', '.join(lexicon.words[:3])}.",
            "Give vectors of the words' own language.",
        )
    kept = Lexicon(kept.words, kept.tokens, (*kept.notes, note))
    rows = found if known.all() else found[known]
    thresholds = similarity_thresholds(rows, vectors.most_frequent, vectors.factor)
    return Similarity(kept, torch.from_numpy(rows), thresholds)


@cache
def _demo_vectors() -> VectorMap:
    with np.load(WEIGHTS / VECTORS_NAME, allow_pickle=False) as archive:
        vectors, _ = unit_length(archive["vectors"])
        return VectorMap(tuple(archive["words"].tolist()), vectors, ())


def output_words(
    choice: ModelChoice, words: Words, models: ModelPool
) -> Steps[tuple[Lexicon, Tensor]]:
    """The words that a model can write and their output embeddings, [V, D]."""
    mark = (yield from models.place(choice)).mark
    weights = yield from models.weights(choice)
    tokenizer = yield from models.tokenizer(choice)
    device = pick_device(choice.device)

    def make() -> tuple[Lexicon, Tensor]:
        found = lexicon(words, tokenizer, weights.vocabulary)
        return found, found.embeddings(weights.output_embeddings).to(device)

    return models.part((mark, words, device), make)


@dataclass(frozen=True, eq=False)
class UnitWords:
    """A lexicon with unit vectors for its words, float32 [V, D]; zero where an embedding is."""

    lexicon: Lexicon
    vectors: Tensor


def unit_words(
    choice: ModelChoice, words: Words, models: ModelPool, embeddings: Literal["input", "output"]
) -> Steps[UnitWords]:
    """The words that a model can write, with the directions of their input or output embeddings.

    Where a norm subtracts the mean of what the layers read, input embeddings have none.
    """
    mark = (yield from models.place(choice)).mark
    weights = yield from models.weights(choice)
    tokenizer = yield from models.tokenizer(choice)
    device = pick_device(choice.device)

    def listed() -> Lexicon:
        return lexicon(words, tokenizer, weights.vocabulary)

    def make() -> UnitWords:
        own = weights.input_embeddings if embeddings == "input" else weights.output_embeddings
        vectors = known.embeddings(own)
        if embeddings == "input" and weights.centres_embeddings:
            vectors -= vectors.mean(dim=1, keepdim=True)
        lengths = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
        vectors /= torch.where(lengths > 0.0, lengths, 1.0)
        return UnitWords(known, vectors.to(device))

    known = models.part(("lexicon", mark, words), listed)
    return models.part(("unit words", mark, words, device, embeddings), make)
