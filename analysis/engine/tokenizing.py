"""Exact conversion between text and tokens: the ids a model sees, each one's text and place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import accumulate, pairwise

from transformers import PreTrainedTokenizerBase

from analysis.engine.places import Found, Spelling, folded, followed, located, rendered
from analysis.engine.reasons import reason
from analysis.engine.token_bytes import puts_space_before, spelled, token_bytes
from analysis.models.tokens import Span, Tokens
from analysis.problems import ProblemError, problem

# Replaces the user's text while a chat template is applied, to find where it goes.
_PLACE = "\ue000the user's text\ue001"
# Text that tokenizers treat differently from one another.
_PROBE = "Hello world,  it's 2024!\n\n\tdéjà vu e\u0301 Ünï 東京 🙂 ''\"\" <x> </y> 1234567 x_y-z"
# Bytes of a response that show whether a space was inserted before it.
_BEGINNING = 32


def tokenize(
    tokenizer: PreTrainedTokenizerBase, prompt: str, *, chat_template: bool = False
) -> Tokens:
    """Tokenize a prompt, giving the ids the model sees.

    Without a template this is the tokenizer's default, which decides about BOS. With one the prompt
    is the user's only message, followed by the opening of the answer.

    Returns:
        N tokens; spans lie in `prompt`, None for special tokens and the template's. A span may
        be empty if the tokenizer does not track what it rewrote.

    Raises:
        ProblemError: ``input`` when the prompt is empty or not Unicode, or when there is no
            template or it refuses the prompt.
    """
    if not prompt.strip():
        raise problem("input", "The prompt is empty.", remedy="Enter some text.")
    _refuse_surrogates(prompt, "prompt")
    if not chat_template:
        text, user = prompt, (0, len(prompt))
        cut = _cut(tokenizer, text, special_tokens=True)
    else:
        text, user = _in_template(tokenizer, prompt)
        cut = _cut(tokenizer, text)
    if not cut.ids[cut.own]:
        raise problem("input", "The prompt has no tokens.", remedy="Enter some text.")
    found = [
        *_without_place(tokenizer, cut.ids[: cut.own.start]),
        *_places(tokenizer, cut, text),
        *_without_place(tokenizer, cut.ids[cut.own.stop :]),
    ]
    # The template may strip the prompt: offsets count from the prompt's own beginning.
    skipped = len(prompt) - len(prompt.lstrip()) if user[1] - user[0] < len(prompt) else 0
    return Tokens(
        cut.ids,
        tuple(token_text for token_text, _ in found),
        tuple(_clipped(span, user, skipped) for _, span in found),
    )


def tokenize_response(tokenizer: PreTrainedTokenizerBase, response: str) -> Tokens:
    """Tokenize a given response as a continuation, with nothing inserted before it.

    Returns:
        M tokens; spans lie in `response`.

    Raises:
        ProblemError: ``input`` when it is not Unicode.
    """
    _refuse_surrogates(response, "response")
    cut = _cut(tokenizer, response)
    if not cut.ids:
        return Tokens((), (), ())
    # Tokenizers like sentencepiece insert a space before a text on its own, which a continuation
    # must not have: tokenize it after a lead whose tokens can be removed again.
    beginning = spelled(tokenizer, response)[:_BEGINNING]
    if puts_space_before(tokenizer) and _spells(tokenizer, cut.ids).startswith(b" " + beginning):
        for lead in ("\n", ".", "a"):
            before, both = _plain(tokenizer, lead), _cut(tokenizer, lead + response)
            if both.ids[: len(before)] == before and _spells(
                tokenizer, both.ids[len(before) :]
            ).startswith(beginning):
                cut = _behind(both, len(before), len(lead))
                break
    found = _places(tokenizer, cut, response)
    return Tokens(cut.ids, tuple(text for text, _ in found), tuple(span for _, span in found))


def response_tokens(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> tuple[Tokens, str]:
    """Generated ids as tokens, and the text they spell, without tokenizing it again.

    Returns:
        M tokens whose spans lie in the text, and the text, ``U+FFFD`` for invalid bytes.
    """
    pieces = [token_bytes(tokenizer, token) for token in ids]
    written = Spelling.read(b"".join(pieces))
    ends = accumulate(map(len, pieces), initial=0)
    found = [written.place(begin, end) for begin, end in pairwise(ends)]
    texts, spans = tuple(text for text, _ in found), tuple(span for _, span in found)
    return Tokens(tuple(ids), texts, spans), written.text


def tokenizer_digest(tokenizer: PreTrainedTokenizerBase) -> str:
    """A digest that is equal for tokenizers that cut ordinary text into the same tokens.

    It covers the vocabulary without special tokens, the merges, and the tokens of a probe text,
    but not the chat tokens and templates that tuned models add.
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


def same_tokens(
    writer: PreTrainedTokenizerBase, reader: PreTrainedTokenizerBase, ids: Sequence[int]
) -> bool:
    """Whether ids that one tokenizer's model wrote are the same tokens of the other's.

    Tokenizers that differ in special tokens alone count as one, unless the ids have some of these.
    """
    if _digest(writer) != _digest(reader):
        return False
    return all(token_bytes(writer, token) == token_bytes(reader, token) for token in ids)


# A large vocabulary takes long to describe.
_digest = lru_cache(maxsize=8)(tokenizer_digest)


@dataclass(frozen=True)
class _Cut:
    """A text in tokens.

    Attributes:
        ids: Token ids.
        own: The text's own tokens, without the special tokens around them.
        offsets: Characters of each token according to the tokenizer; None if it cannot say.
    """

    ids: tuple[int, ...]
    own: slice
    offsets: tuple[Span, ...] | None


def _cut(tokenizer: PreTrainedTokenizerBase, text: str, *, special_tokens: bool = False) -> _Cut:
    """Tokenize; ProblemError ``input`` if the tokenizer has no tokens for part of the text."""
    knows_places = bool(getattr(tokenizer, "is_fast", False))
    options = {"return_offsets_mapping": True} if knows_places else {}
    try:
        encoded = tokenizer(text, add_special_tokens=special_tokens, **options)
    except Exception as error:
        raise _no_tokens(reason(error)) from None
    ids: tuple[int, ...] = tuple(encoded["input_ids"])
    # Some tokenizers without an unknown token give None instead.
    if None in ids:
        raise _no_tokens("It has no token that stands for what it does not know.")
    if not knows_places:
        plain = _cut(tokenizer, text).ids if special_tokens else ids
        return _Cut(ids, slice(*_occurrence(ids, plain)), None)
    own = [place for place, part in enumerate(encoded.sequence_ids(0)) if part == 0]
    offsets = tuple((start, end) for start, end in encoded["offset_mapping"])
    return _Cut(ids, slice(own[0], own[-1] + 1) if own else slice(0, 0), offsets)


def _plain(tokenizer: PreTrainedTokenizerBase, text: str) -> tuple[int, ...]:
    return _cut(tokenizer, text).ids


def _no_tokens(why: str) -> ProblemError:
    return problem(
        "input",
        "The model's tokenizer has no tokens for a part of the text.",
        why,
        "Leave out words and characters that the model cannot know.",
    )


def _behind(cut: _Cut, tokens: int, characters: int) -> _Cut:
    offsets = None
    if cut.offsets is not None:
        offsets = tuple(
            (max(start - characters, 0), max(end - characters, 0))
            for start, end in cut.offsets[tokens:]
        )
    return _Cut(cut.ids[tokens:], slice(0, len(cut.ids) - tokens), offsets)


def _places(tokenizer: PreTrainedTokenizerBase, cut: _Cut, text: str) -> list[Found]:
    """What the text's own tokens show, and their place in it."""
    ids = cut.ids[cut.own]
    pieces = [token_bytes(tokenizer, token) for token in ids]
    spelling = Spelling.of(text, partial(spelled, tokenizer))
    unknown = [token == tokenizer.unk_token_id for token in ids]
    if cut.offsets is not None:
        return located(spelling, pieces, cut.offsets[cut.own], unknown)
    exact = followed(spelling, pieces, unknown)
    if not any(_is_lost(span) for _, span in exact):
        return exact
    # The tokenizer rewrites the text without tracking it: compare letters without case and accents.
    plain = Spelling.of(text, folded)
    found = followed(plain, [folded(piece.decode(errors="replace")) for piece in pieces], unknown)
    lost = [sum(_is_lost(span) for _, span in each) for each in (exact, found)]
    return found if lost[1] < lost[0] else exact


def _is_lost(span: Span | None) -> bool:
    return span is not None and span[0] == span[1]


def _without_place(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> list[Found]:
    return [(rendered(token_bytes(tokenizer, token)), None) for token in ids]


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
    """The span of the text's own tokens within `ids`, which special tokens may surround."""
    for start in range(len(ids) - len(plain), -1, -1):
        if ids[start : start + len(plain)] == plain:
            return start, start + len(plain)
    return 0, len(ids)


def _in_template(tokenizer: PreTrainedTokenizerBase, prompt: str) -> tuple[str, Span]:
    """The prompt in the chat template, and the span of the user's text in it."""
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
    """Translate a span in the text the model sees to the user's text; None outside."""
    if found is None:
        return None
    start, end = max(found[0], user[0]), min(found[1], user[1])
    # An empty span marks a token that the tokenizer's spelling hides.
    inside = start < end or (found[0] == found[1] and start == end)
    return (start - user[0] + skipped, end - user[0] + skipped) if inside else None
