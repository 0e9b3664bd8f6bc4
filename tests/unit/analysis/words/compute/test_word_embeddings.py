"""Embeddings of words are means of token rows, in the form that follows a space."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from analysis.engine.token_bytes import token_bytes
from analysis.words.compute.word_embeddings import word_embeddings, word_tokens
from tests.support.checkpoints import byte_level_tokenizer, sentencepiece_tokenizer

WORDS = ["the", "house", "naïve", "東京", "The", "x-y", "internationalisation"]


@pytest.mark.parametrize(
    "tokenizer",
    [byte_level_tokenizer(bos=True), sentencepiece_tokenizer()],
    ids=["byte level", "sentencepiece"],
)
def test_the_tokens_of_a_word_spell_it_without_a_lone_space_or_special_tokens(tokenizer):
    for word, ids in zip(WORDS, word_tokens(tokenizer, WORDS, len(tokenizer)), strict=True):
        spelled = [token_bytes(tokenizer, token) for token in ids]
        assert b"".join(spelled).strip().decode() == word
        assert spelled[0] != b" "
        assert ids == tokenizer(f" {word}", add_special_tokens=False)["input_ids"][-len(ids) :]


def test_a_word_that_is_one_token_after_a_space_is_that_token():
    tokenizer = sentencepiece_tokenizer()
    begun = [text[1:] for text in tokenizer.get_vocab() if text.startswith("▁")]
    whole = [word for word in begun if word.isalpha()]
    assert len(whole) > 5
    expected = [[tokenizer.convert_tokens_to_ids(f"▁{word}")] for word in whole]
    assert word_tokens(tokenizer, whole, len(tokenizer)) == expected


def test_a_word_that_the_vocabulary_cannot_write_has_no_tokens():
    written = Tokenizer(models.WordLevel({"<unk>": 0, "the": 1, "house": 2}, unk_token="<unk>"))
    written.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=written, unk_token="<unk>")
    words = ["house", "car", "the-house", ""]
    assert word_tokens(tokenizer, words, len(tokenizer)) == [[2], [], [], []]


def test_an_embedding_is_the_mean_of_the_token_rows():
    matrix = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
    tokens = [[3], [7, 7, 9], [], [49, 0]]
    embeddings, known = word_embeddings(matrix.__getitem__, tokens)
    assert embeddings.dtype == torch.float32
    assert known.tolist() == [True, True, False, True]
    rows = matrix.double().numpy()
    for embedding, ids in zip(embeddings.numpy(), tokens, strict=True):
        expected = sum(rows[token] for token in ids) / max(1, len(ids)) if ids else np.zeros(6)
        assert embedding == pytest.approx(expected, abs=1e-6)


def test_rows_are_asked_for_once_each_and_averaged_in_float32():
    asked = []

    def rows(ids):
        asked.append(ids.tolist())
        return torch.full((len(ids), 2), 1.0, dtype=torch.bfloat16) * 257

    embeddings, _ = word_embeddings(rows, [[5, 2], [5], [2, 2]])
    assert asked == [[2, 5]]
    assert embeddings.tolist() == [[256.0, 256.0]] * 3  # 257 in bfloat16


def test_no_words_have_no_embeddings():
    embeddings, known = word_embeddings(torch.ones(3, 4).__getitem__, [])
    assert embeddings.shape == (0, 4)
    assert known.tolist() == []
