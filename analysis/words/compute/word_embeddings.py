"""Embeddings of words: the mean of the embeddings of the tokens of " word" (METHODS 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from analysis.engine.token_bytes import token_bytes

# Words that are tokenized, and whose token rows are averaged, at a time.
_WORDS = 4096


def word_tokens(
    tokenizer: PreTrainedTokenizerBase, words: Sequence[str], vocabulary: int
) -> list[list[int]]:
    """The token ids of each " word", without special tokens and without a lone leading space.

    Args:
        tokenizer: The model's.
        words: The words.
        vocabulary: Rows of the model's embeddings.

    Returns:
        As many lists as words; empty for a word that the vocabulary cannot write: that has no
        tokens, or the unknown token among them, or one that the model has no embedding for.
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
        rows: Gives the embeddings [n, D] of int64 [n] token ids, every id once: a matrix
            [vocabulary, D] by its ``__getitem__``, or what reads them from a file.
        tokens: The token ids of V words.

    Returns:
        float32 [V, D], zeros for a word without tokens, and bool [V], True for those with.
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
    """The ids of every word; none for one that the tokenizer gives up on."""
    try:
        found: list[list[int]] = tokenizer(words, add_special_tokens=False)["input_ids"]
        return found
    except Exception:
        # Without a token for what is unknown, one such word spoils all of them.
        return [[]] if len(words) == 1 else [_cut(tokenizer, [word])[0] for word in words]


def _known(ids: Sequence[int | None], vocabulary: int) -> bool:
    """Whether a model with so many embeddings knows every token; None is what no token is for."""
    return all(token is not None and 0 <= token < vocabulary for token in ids)


def _without_space(
    tokenizer: PreTrainedTokenizerBase, ids: list[int], blank: dict[int, bool]
) -> list[int]:
    """The ids after leading ones of white space; none where one of them is the unknown token."""
    unknown = tokenizer.unk_token_id
    if unknown is not None and unknown in ids:
        return []
    for place, token in enumerate(ids):
        if token not in blank:
            blank[token] = not token_bytes(tokenizer, token).strip()
        if not blank[token]:
            return ids[place:]
    return []
