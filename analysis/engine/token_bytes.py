"""The exact bytes of a token, for every alphabet that vocabularies are written in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from typing import Any, Literal

from transformers import PreTrainedTokenizerBase

Alphabet = Literal[
    "byte level",  # GPT-2: one character per byte
    "sentencepiece",  # ▁ for a space, <0x0A> for a byte
    "continued by ##",  # WordPiece: a word's first piece, then ##pieces
    "ended by </w>",  # GPT-1: pieces, then a word's last</w>
    "continued by @@",  # CTRL: pieces@@, then a word's last
    "plain",
]

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_SPACE = "▁"
# No vocabulary is this large; tokenizers are not asked for ids beyond it.
_MOST = 1 << 31
_KEPT_BYTES = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
# GPT-2's alphabet: printable bytes stand for themselves, the others are characters from 256 on.
_BYTE_LEVEL = {chr(byte): byte for byte in _KEPT_BYTES} | {
    chr(256 + index): byte
    for index, byte in enumerate(byte for byte in range(256) if byte not in _KEPT_BYTES)
}


def token_bytes(tokenizer: PreTrainedTokenizerBase, token: int) -> bytes:
    """The bytes of one token as in running text, including a leading space.

    Special tokens give their name (``</s>``), unused ids nothing.
    """
    return _reader(tokenizer)(token)


def spelled(tokenizer: PreTrainedTokenizerBase, text: str) -> bytes:
    """The bytes that a text's tokens spell: to sentencepiece ``▁`` is a space."""
    if _alphabet(tokenizer) == "sentencepiece":
        text = text.replace(_SPACE, " ")
    return text.encode()


def puts_space_before(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a tokenizer may insert a space before a text.

    Those that split text into words never do: their spaces are implied.
    """
    return _alphabet(tokenizer) in ("byte level", "sentencepiece")


@lru_cache(maxsize=8)
def _reader(tokenizer: PreTrainedTokenizerBase) -> Callable[[int], bytes]:
    alphabets: dict[Alphabet, Callable[[str], bytes]] = {
        "byte level": _byte_level,
        "sentencepiece": _sentencepiece,
        "continued by ##": _word_piece,
        "ended by </w>": _ended_word,
        "continued by @@": _broken_word,
        "plain": str.encode,
    }
    read = alphabets[_alphabet(tokenizer)]
    added = tokenizer.added_tokens_decoder

    def bytes_of(token: int) -> bytes:
        if token in added:
            text = added[token].content
            # Written as in running text; only runs of spaces are spelled as in the vocabulary.
            return (text if added[token].special else text.replace(_SPACE, " ")).encode()
        if not 0 <= token < _MOST:
            return b""
        written: Any = tokenizer.convert_ids_to_tokens(token)
        if isinstance(written, bytes):
            return written
        return read(written) if written else b""

    return bytes_of


@lru_cache(maxsize=8)
def _alphabet(tokenizer: PreTrainedTokenizerBase) -> Alphabet:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None and backend.decoder is not None:
        decoder = json.dumps(json.loads(backend.decoder.__getstate__()), ensure_ascii=False)
        if '"ByteLevel"' in decoder:
            return "byte level"
        if _SPACE in decoder or '"ByteFallback"' in decoder:
            return "sentencepiece"
        if '"WordPiece"' in decoder and '"##"' in decoder:
            return "continued by ##"
        if '"BPEDecoder"' in decoder and '"</w>"' in decoder:
            return "ended by </w>"
        return "plain"
    some = list(islice(tokenizer.get_vocab(), 5000))
    signs: dict[Alphabet, Callable[[str], bool]] = {
        "sentencepiece": lambda token: token.startswith(_SPACE),
        "byte level": lambda token: token.startswith("Ġ"),
        "ended by </w>": lambda token: len(token) > 4 and token.endswith("</w>"),
        "continued by ##": lambda token: len(token) > 2 and token.startswith("##"),
        "continued by @@": lambda token: len(token) > 2 and token.endswith("@@"),
    }
    return next((each for each, is_so in signs.items() if any(map(is_so, some))), "plain")


def _byte_level(written: str) -> bytes:
    try:
        return bytes(_BYTE_LEVEL[character] for character in written)
    except KeyError:
        return written.encode()


def _sentencepiece(written: str) -> bytes:
    if (byte := _BYTE.fullmatch(written)) is not None:
        return bytes([int(byte[1], 16)])
    return written.replace(_SPACE, " ").encode()


def _word_piece(written: str) -> bytes:
    return (written[2:] if written.startswith("##") else f" {written}").encode()


def _ended_word(written: str) -> bytes:
    return (f"{written[:-4]} " if written.endswith("</w>") else written).encode()


def _broken_word(written: str) -> bytes:
    return (written[:-2] if written.endswith("@@") else f"{written} ").encode()
