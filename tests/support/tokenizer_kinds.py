"""Small tokenizers of every kind that causal language models come with, and one without places."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizer, PreTrainedTokenizerFast

from tests.support.checkpoints import sentencepiece_tokenizer

CORPUS = [
    "Translate the word into French: the cat sat on the mat. user assistant answer",
    "Hello world, how are you today? I hope you are doing well.",
    "how many people are in the water 한국의 수도는 déjà vu café naïve",
    "List three colours: red, green and blue.\nWrite one sentence. 東京 ½ ﬁne ＡＢＣ",
] * 4
_LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _trained(backend: Tokenizer, trainer: Any) -> PreTrainedTokenizerFast:
    backend.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend)


def _byte_level(
    normalizer: Any = None, *, prefix: bool = False, trim: bool | None = None, split: str = ""
) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.BPE())
    if normalizer is not None:
        backend.normalizer = normalizer
    cut = pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=not split)
    backend.pre_tokenizer = (
        pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(split), "isolated"), cut])
        if split
        else cut
    )
    backend.decoder = decoders.ByteLevel()
    if trim is not None:
        backend.post_processor = processors.ByteLevel(trim_offsets=trim)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    return _trained(backend, trainer)


def _unigram(scheme: str, normalizer: Any = None) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.Unigram())
    if normalizer is not None:
        backend.normalizer = normalizer
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    backend.decoder = decoders.Metaspace(prepend_scheme=scheme)
    trainer = trainers.UnigramTrainer(
        vocab_size=150,
        special_tokens=["<unk>", "<s>", "</s>"],
        unk_token="<unk>",
        show_progress=False,
    )
    fast = _trained(backend, trainer)
    fast.unk_token = "<unk>"
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")


def _word_piece(*, lower: bool) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=lower)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=150, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False
    )
    backend.train_from_iterator(CORPUS, trainer)
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")


def _ended_words() -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.BPEDecoder(suffix="</w>")
    trainer = trainers.BpeTrainer(
        vocab_size=220,
        special_tokens=["<unk>"],
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    backend.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")


def _words() -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.WordLevel(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordLevelTrainer(special_tokens=["<unk>"], show_progress=False)
    backend.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")


def _albert() -> PreTrainedTokenizerFast:
    steps = [
        normalizers.NFKD(),
        normalizers.StripAccents(),
        normalizers.Lowercase(),
        normalizers.Replace(Regex(" {2,}"), " "),
    ]
    return _unigram("always", normalizers.Sequence(steps))


FAST: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "GPT-2": lambda: _byte_level(trim=True),
    "byte level with the space": lambda: _byte_level(trim=False),
    "a space put before": lambda: _byte_level(prefix=True, trim=True),
    "Llama 3": lambda: _byte_level(split=_LLAMA_3, trim=True),
    "Qwen, NFC": lambda: _byte_level(normalizers.NFC()),
    "NFKC": lambda: _byte_level(normalizers.NFKC()),
    "small letters": lambda: _byte_level(normalizers.Lowercase()),
    "Llama 1": sentencepiece_tokenizer,
    "unigram, always": lambda: _unigram("always"),
    "unigram, first": lambda: _unigram("first"),
    "unigram, never": lambda: _unigram("never"),
    "ALBERT": _albert,
    "BERT": lambda: _word_piece(lower=True),
    "BERT, cased": lambda: _word_piece(lower=False),
    "GPT-1": _ended_words,
    "whole words": _words,
}
"""Tokenizers that keep an account of what they do to a text, by what they are like."""


def precompiled(folder: Path) -> PreTrainedTokenizerFast:
    """A T5's, whose normaliser is a table that sentencepiece has compiled."""
    import sentencepiece
    from transformers import T5Tokenizer

    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(text.replace("\n", " ") for text in CORPUS * 3))
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(folder / "spiece"),
        model_type="unigram",
        vocab_size=110,
        normalization_rule_name="nmt_nfkc",
        hard_vocab_limit=False,
        pad_id=0,
        unk_id=2,
        eos_id=1,
        bos_id=-1,
        minloglevel=2,
    )
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "T5Tokenizer"}))
    (folder / "config.json").write_text(json.dumps({"model_type": "t5"}))
    found: PreTrainedTokenizerFast = T5Tokenizer.from_pretrained(folder)
    return found


class Forgetful(PreTrainedTokenizer):  # type: ignore[misc]
    """Small letters without accents in pieces that end with ``</w>``; it knows no places."""

    def __init__(self, **options: Any) -> None:
        words = ("how", "people", "cafe", "au", "strasse", "fine", "?", "the")
        pieces = ["<unk>", "ma", "ny</w>", *(f"{word}</w>" for word in words)]
        self._ids = {piece: index for index, piece in enumerate(pieces)}
        super().__init__(unk_token="<unk>", **options)

    @property
    def vocab_size(self) -> int:
        return len(self._ids)

    def get_vocab(self) -> dict[str, int]:
        return dict(self._ids)

    def _tokenize(self, text: str, **_: Any) -> list[str]:
        found = []
        for word in unicodedata.normalize("NFKD", text).casefold().split():
            plain = "".join(each for each in word if not unicodedata.combining(each))
            stem = plain.removesuffix("?")
            found += ["ma", "ny</w>"] if stem == "many" else [f"{stem}</w>"]
            found += ["?</w>"] * plain.endswith("?")
        return found

    def _convert_token_to_id(self, token: str) -> int:
        return self._ids.get(token, 0)

    def _convert_id_to_token(self, index: int) -> str:
        return next(token for token, other in self._ids.items() if other == index)
