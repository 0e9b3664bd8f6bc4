"""Text to tokens and back, exactly: the ids a model sees, the text of each, and its place."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise

from transformers import PreTrainedTokenizerBase

from analysis.models.reasons import reason
from analysis.models.token_bytes import spelled, token_bytes
from analysis.problems import ProblemError, problem
from analysis.results import Span, Tokens

# Stands in for the user's text while a chat template is applied, to see where it puts it.
_PLACE = "\ue000the user's text\ue001"
# Characters that tokenizers treat differently from one another.
_PROBE = "Hello world,  it's 2024!\n\n\tdéjà vu e\u0301 Ünï 東京 🙂 ''\"\" <x> </y> 1234567 x_y-z"
# Bytes that are no character by themselves: only characters of ASCII are one byte long.
_NO_CHARACTER = frozenset(bytes([byte]) for byte in range(0x80, 0x100))
# How far to look for the next token that can be found again.
_REACH_TOKENS, _REACH_BYTES = 16, 256
# Bytes of a response that show whether a space was put before it.
_BEGINNING = 32


def tokenize(
    tokenizer: PreTrainedTokenizerBase, prompt: str, *, chat_template: bool = False
) -> Tokens:
    """The tokens of a prompt, ids as the model sees them.

    Without a template the prompt is tokenized as the tokenizer does it by itself, BOS by its own
    rule. With one it is the only message of the user, followed by the opening of the answer.

    Returns:
        N tokens; spans lie in `prompt`, None for special tokens and the template's.

    Raises:
        ProblemError: ``input`` when the prompt is empty or no Unicode text, or when there is no
            template or it refuses the prompt.
    """
    if not prompt.strip():
        raise problem("input", "The prompt is empty.", remedy="Enter some text.")
    _refuse_surrogates(prompt, "prompt")
    if not chat_template:
        ids = _cut(tokenizer, prompt)
        begin, end = _occurrence(ids, _plain(tokenizer, prompt))
        text, user = prompt, (0, len(prompt))
    else:
        text, user = _in_template(tokenizer, prompt)
        ids = _plain(tokenizer, text)
        begin, end = 0, len(ids)
    if begin == end:
        raise problem("input", "The prompt has no tokens.", remedy="Enter some text.")
    found = [
        *((_rendered(token_bytes(tokenizer, token)), None) for token in ids[:begin]),
        *_located(tokenizer, ids[begin:end], text),
        *((_rendered(token_bytes(tokenizer, token)), None) for token in ids[end:]),
    ]
    # The template may strip the prompt: characters count from the prompt's own beginning.
    skipped = len(prompt) - len(prompt.lstrip()) if user[1] - user[0] < len(prompt) else 0
    return Tokens(
        ids,
        tuple(token_text for token_text, _ in found),
        tuple(_clipped(span, user, skipped) for _, span in found),
    )


def tokenize_response(tokenizer: PreTrainedTokenizerBase, response: str) -> Tokens:
    """The tokens of a response that somebody wrote, as a continuation: nothing is put before it.

    Returns:
        M tokens; spans lie in `response`.

    Raises:
        ProblemError: ``input`` when it is no Unicode text.
    """
    _refuse_surrogates(response, "response")
    ids = _plain(tokenizer, response)
    if not ids:
        return Tokens((), (), ())
    # Tokenizers in the manner of sentencepiece put a space before a text that begins a line of
    # its own. A response does not: cut it behind something whose tokens can be taken off again.
    beginning = spelled(tokenizer, response)[:_BEGINNING]
    if _spells(tokenizer, ids).startswith(b" " + beginning):
        for lead in ("\n", ".", "a"):
            before, both = _plain(tokenizer, lead), _plain(tokenizer, lead + response)
            rest = both[len(before) :]
            if both[: len(before)] == before and _spells(tokenizer, rest).startswith(beginning):
                ids = rest
                break
    found = _located(tokenizer, ids, response)
    return Tokens(ids, tuple(text for text, _ in found), tuple(span for _, span in found))


def response_tokens(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> tuple[Tokens, str]:
    """Generated ids as tokens, and the text they spell; never tokenized again.

    Returns:
        M tokens whose spans lie in the text, and the text, ``U+FFFD`` for bytes that are none.
    """
    pieces = [token_bytes(tokenizer, token) for token in ids]
    stream = b"".join(pieces)
    text, starts = _decoded(stream)
    ends = accumulate(map(len, pieces), initial=0)
    found = [_place(text, stream, starts, begin, end) for begin, end in pairwise(ends)]
    texts, spans = tuple(text for text, _ in found), tuple(span for _, span in found)
    return Tokens(tuple(ids), texts, spans), text


def tokenizer_digest(tokenizer: PreTrainedTokenizerBase) -> str:
    """Equal for two tokenizers that cut ordinary text into the same tokens.

    It covers the vocabulary without special tokens, the merges, and how a probe text is cut. It
    leaves out what only tuned models add: chat tokens and templates.
    """
    special = {str(token) for token in tokenizer.added_tokens_decoder.values()}
    vocabulary = {
        token: index for token, index in tokenizer.get_vocab().items() if token not in special
    }
    merges: object = None
    if (backend := getattr(tokenizer, "backend_tokenizer", None)) is not None:
        merges = json.loads(backend.to_str())["model"].get("merges")
    described = json.dumps(
        [sorted(vocabulary.items()), merges, _plain(tokenizer, _PROBE)], ensure_ascii=True
    )
    return hashlib.sha256(described.encode("ascii")).hexdigest()[:16]


def _plain(tokenizer: PreTrainedTokenizerBase, text: str) -> tuple[int, ...]:
    return _cut(tokenizer, text, add_special_tokens=False)


def _cut(
    tokenizer: PreTrainedTokenizerBase, text: str, *, add_special_tokens: bool = True
) -> tuple[int, ...]:
    """The ids of a text.

    Raises:
        ProblemError: ``input`` where the tokenizer has none for a part of it.
    """
    try:
        ids = tuple(tokenizer(text, add_special_tokens=add_special_tokens)["input_ids"])
    except Exception as error:
        raise _no_tokens(reason(error)) from None
    # Some tokenizers without a token for what is unknown give None for it.
    if None in ids:
        raise _no_tokens("It has no token that stands for what it does not know.")
    return ids


def _no_tokens(why: str) -> ProblemError:
    return problem(
        "input",
        "The model's tokenizer has no tokens for a part of the text.",
        why,
        "Leave out words and characters that the model cannot know.",
    )


def _spells(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> bytes:
    return b"".join(token_bytes(tokenizer, token) for token in ids)


def _refuse_surrogates(text: str, name: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise problem(
            "input",
            f"The {name} is not valid Unicode text.",
            f"Character {error.start + 1} stands for a byte that is not UTF-8.",
            "Save the text as UTF-8.",
        ) from None


def _occurrence(ids: tuple[int, ...], plain: tuple[int, ...]) -> Span:
    """Where in `ids` the tokens of the text alone stand; special tokens stand around them."""
    for start in range(len(ids) - len(plain), -1, -1):
        if ids[start : start + len(plain)] == plain:
            return start, start + len(plain)
    return 0, len(ids)


def _in_template(tokenizer: PreTrainedTokenizerBase, prompt: str) -> tuple[str, Span]:
    """The chat as text, and the span of the user's text in it."""
    if not tokenizer.chat_template:
        raise problem(
            "input",
            "The model has no chat template.",
            "Its tokenizer comes without one, as those of base models do.",
            "Switch the chat template off.",
        )

    def chat(content: str) -> str:
        return str(
            tokenizer.apply_chat_template(
                [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
            )
        )

    try:
        text, before = chat(prompt), chat(_PLACE).partition(_PLACE)[0]
    except Exception as error:
        raise problem(
            "input",
            "The model's chat template refuses the prompt.",
            f"{type(error).__name__}: {error}",
            "Switch the chat template off.",
        ) from None
    contents = (prompt, prompt.strip())
    for content in contents:
        if text.startswith(before + content):
            return text, (len(before), len(before) + len(content))
    for content in contents:
        if (start := text.rfind(content)) >= 0:
            return text, (start, start + len(content))
    raise problem(
        "input",
        "The model's chat template changes the prompt.",
        "The user's text cannot be found in what the model would see.",
        "Switch the chat template off.",
    )


def _clipped(found: Span | None, user: Span, skipped: int) -> Span | None:
    """A span of the text the model sees as one of the user's text; None outside."""
    if found is None:
        return None
    start, end = max(found[0], user[0]), min(found[1], user[1])
    return (start - user[0] + skipped, end - user[0] + skipped) if start < end else None


def _located(
    tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], text: str
) -> list[tuple[str, Span | None]]:
    """The text and the span of each token in the text it was cut from.

    The bytes of the tokens are followed through those of the text. A space that the tokenizer put
    there itself is passed over; where it normalised the text or did not know a character, the next
    token that can be found again takes up the thread, and those between share what was left out.
    """
    stream = spelled(tokenizer, text)
    _, starts = _decoded(stream)
    pieces = [token_bytes(tokenizer, token) for token in ids]
    found: list[tuple[str, Span | None]] = []
    place = 0
    while len(found) < len(pieces):
        piece = pieces[len(found)]
        if piece and stream.startswith(piece, place):
            end = place + len(piece)
            found.append(_place(text, stream, starts, place, end))
        elif piece.startswith(b" ") and stream.startswith(piece[1:], place):
            end = place + len(piece) - 1
            found.append(_place(text, stream, starts, place, end) if end > place else (" ", None))
        elif piece and (end := _after_blanks(stream, place)) and stream.startswith(piece, end):
            pass
        else:
            given_up, end = _next_agreement(stream, pieces, len(found), place)
            if len(given_up) == 1 and end > place:
                found.append(_place(text, stream, starts, place, end))
            else:
                _, span = _place(text, stream, starts, place, end)
                found += [(_rendered(piece), span) for piece in given_up]
        place = end
    return found


def _after_blanks(stream: bytes, place: int) -> int:
    """The next byte that is not white space: some tokenizers have no tokens for it."""
    return len(stream) - len(stream[place:].lstrip())


def _next_agreement(
    stream: bytes, pieces: Sequence[bytes], index: int, place: int
) -> tuple[Sequence[bytes], int]:
    """The tokens from `index` on to give up, and the byte where the one after them is found."""
    for after in range(index + 1, min(index + _REACH_TOKENS, len(pieces))):
        following = b"".join(pieces[after : after + 3])
        if following.strip():
            end = stream.find(following, place, place + _REACH_BYTES)
            if end >= 0:
                return pieces[index:after], end
    return pieces[index:], len(stream)


def _place(
    text: str, stream: bytes, starts: list[int], begin: int, end: int
) -> tuple[str, Span | None]:
    """What the bytes ``[begin, end)`` of a text are, and the span of the characters they touch."""
    if begin == end:
        return "", None
    span = bisect_right(starts, begin) - 1, bisect_left(starts, end)
    parts = []
    for character in range(*span):
        first, last = starts[character], starts[character + 1]
        whole = begin <= first and last <= end and stream[first:last] not in _NO_CHARACTER
        piece = stream[max(first, begin) : min(last, end)]
        parts.append(text[character] if whole else _rendered(piece))
    return "".join(parts), span


def _rendered(piece: bytes) -> str:
    """Bytes as text; each byte that is part of no whole character as ``<0xF0>``."""
    text, starts = _decoded(piece)
    return "".join(
        f"<0x{piece[start]:02X}>" if piece[start:end] in _NO_CHARACTER else character
        for character, (start, end) in zip(text, pairwise(starts), strict=True)
    )


def _decoded(stream: bytes) -> tuple[str, list[int]]:
    """UTF-8 as text, and the byte at which each character starts, the end included.

    A byte that belongs to no character is one ``U+FFFD``.
    """
    characters: list[str] = []
    starts: list[int] = []
    place = 0
    while place < len(stream):
        starts.append(place)
        for width in range(1, 5):
            try:
                characters.append(stream[place : place + width].decode())
            except UnicodeDecodeError:
                continue
            place += width
            break
        else:
            characters.append("\ufffd")
            place += 1
    starts.append(len(stream))
    return "".join(characters), starts
