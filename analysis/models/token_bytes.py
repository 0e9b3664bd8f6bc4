"""The exact bytes that a token stands for, whatever alphabet its vocabulary is written in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from typing import Any

from transformers import PreTrainedTokenizerBase

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_SPACE = "▁"
# No vocabulary is so large; tokenizers are not asked for ids beyond.
_MOST = 1 << 31
_KEPT_BYTES = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
# GPT-2's alphabet: printable bytes stand for themselves, the others for characters from 256 on.
_BYTE_LEVEL = {chr(byte): byte for byte in _KEPT_BYTES} | {
    chr(256 + index): byte
    for index, byte in enumerate(byte for byte in range(256) if byte not in _KEPT_BYTES)
}


def token_bytes(tokenizer: PreTrainedTokenizerBase, token: int) -> bytes:
    """The bytes of one token as they stand in a text, a leading space included.

    Special tokens give their name (``</s>``), ids without a token nothing.
    """
    return _reader(tokenizer)(token)


def spelled(tokenizer: PreTrainedTokenizerBase, text: str) -> bytes:
    """The bytes that the tokens of a text spell: to sentencepiece ``▁`` is a space."""
    if _alphabet(tokenizer) == "sentencepiece":
        text = text.replace(_SPACE, " ")
    return text.encode()


@lru_cache(maxsize=8)
def _reader(tokenizer: PreTrainedTokenizerBase) -> Callable[[int], bytes]:
    alphabets: dict[str, Callable[[str], bytes]] = {
        "byte level": _byte_level,
        "sentencepiece": _sentencepiece,
        "plain": str.encode,
    }
    read = alphabets[_alphabet(tokenizer)]
    added = tokenizer.added_tokens_decoder

    def bytes_of(token: int) -> bytes:
        if token in added:
            text = added[token].content
            # Written as they stand in a text; only runs of spaces are spelled as in the vocabulary.
            return (text if added[token].special else text.replace(_SPACE, " ")).encode()
        if not 0 <= token < _MOST:
            return b""
        written: Any = tokenizer.convert_ids_to_tokens(token)
        if isinstance(written, bytes):
            return written
        return read(written) if written else b""

    return bytes_of


@lru_cache(maxsize=8)
def _alphabet(tokenizer: PreTrainedTokenizerBase) -> str:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None and backend.decoder is not None:
        decoder = json.dumps(json.loads(backend.decoder.__getstate__()), ensure_ascii=False)
        if '"ByteLevel"' in decoder:
            return "byte level"
        if _SPACE in decoder or '"ByteFallback"' in decoder:
            return "sentencepiece"
        return "plain"
    some = list(islice(tokenizer.get_vocab(), 5000))
    if any(token.startswith(_SPACE) for token in some):
        return "sentencepiece"
    return "byte level" if any(token.startswith("Ġ") for token in some) else "plain"


def _byte_level(written: str) -> bytes:
    try:
        return bytes(_BYTE_LEVEL[character] for character in written)
    except KeyError:
        return written.encode()


def _sentencepiece(written: str) -> bytes:
    if (byte := _BYTE.fullmatch(written)) is not None:
        return bytes([int(byte[1], 16)])
    return written.replace(_SPACE, " ").encode()
