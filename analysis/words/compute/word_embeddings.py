"""Embeddings of words: the mean of the embeddings of the tokens of " word" (METHODS 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from analysis.engine.token_bytes import token_bytes

# Batch size for tokenizing words and averaging their token rows.
_WORDS = 4096


def word_tokens(
    tokenizer: PreTrainedTokenizerBase, words: Sequence[str], vocabulary: int
) -> list[list[int]]:
    """The token ids of each " word", without special tokens or a separate leading space.

    Args:
        tokenizer: The model's.
        words: The words.
        vocabulary: Number of rows of the model's embeddings.

    Returns:
        One list per word; empty for a word that the model cannot write: it has no tokens, includes
        the unknown token, or has a token without an embedding.
    """
    written = [f" {word}" for word in words]
    found: list[list[int]] = []
    for start in range(0, len(written), _WORDS):
        found.extend(_cut(tokenizer, written[start : start + _WORDS]))
    blank: dict[int, bool] = {}
    known = (ids if _known(ids, vocabulary) else [] for ids in found)
    return [_without_space(tokenizer, ids, blank) for ids in known]


def word_embeddings(
    rows: Callable[[Tensor], Tensor], tokens: Sequence[Sequence[int]]
) -> tuple[Tensor, NDArray[np.bool_]]:
    """The mean of the token embeddings of every word.

    Args:
        rows: Returns the embeddings [n, D] of int64 [n] distinct token ids: the ``__getitem__`` of
            a matrix [vocabulary, D], or a function that reads them from a file.
        tokens: The token ids of V words.

    Returns:
        float32 [V, D], zeros for a word without tokens, and bool [V], True for words with tokens.
    """
    lengths = np.array([len(each) for each in tokens], dtype=np.int64)
    flat = np.array([token for each in tokens for token in each], dtype=np.int64)
    used, places = np.unique(flat, return_inverse=True)
    matrix = rows(torch.from_numpy(used)).float()
    means = torch.nn.functional.embedding_bag(
        torch.from_numpy(places).to(matrix.device),
        matrix,
        torch.from_numpy(lengths.cumsum() - lengths).to(matrix.device),
        mode="mean",
    )
    return means, lengths > 0


def _cut(tokenizer: PreTrainedTokenizerBase, words: list[str]) -> list[list[int]]:
    """The ids of each word; none for a word that makes the tokenizer fail."""
    try:
        found: list[list[int]] = tokenizer(words, add_special_tokens=False)["input_ids"]
        return found
    except Exception:
        # If the tokenizer has no unknown token, one such word makes the whole batch fail.
        return [[]] if len(words) == 1 else [_cut(tokenizer, [word])[0] for word in words]


def _known(ids: Sequence[int | None], vocabulary: int) -> bool:
    """Whether the model has an embedding for every token; None marks text without a token."""
    return all(token is not None and 0 <= token < vocabulary for token in ids)


def _without_space(
    tokenizer: PreTrainedTokenizerBase, ids: list[int], blank: dict[int, bool]
) -> list[int]:
    """The ids after leading white-space tokens; none if one of them is the unknown token."""
    unknown = tokenizer.unk_token_id
    if unknown is not None and unknown in ids:
        return []
    for place, token in enumerate(ids):
        if token not in blank:
            blank[token] = not token_bytes(tokenizer, token).strip()
        if not blank[token]:
            return ids[place:]
    return []
