"""Tokens keep the model's ids and the user's exact text, whatever the tokenizer does to it."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from analysis.engine.tokenizing import (
    response_tokens,
    same_tokens,
    tokenize,
    tokenize_response,
    tokenizer_digest,
)
from analysis.models.tokens import Tokens
from analysis.problems import ProblemError
from tests.support.checkpoints import CHAT_TEMPLATE, byte_level_tokenizer, sentencepiece_tokenizer

HOSTILE = (
    "Hello wörld \x1b[31m\u202eabc\u200b 東京 🙂\r\n\t[bold]x[/] ▁ "
    '<0x41> \ufffd </s> <|im_end|> a"b,c'
)
# Without what sentencepiece itself cannot tell from a space or puts one behind.
PLAIN_HOSTILE = HOSTILE.replace(" ▁", "").replace(" </s>", "")
PROMPTS = [
    "Hello world",
    " leading and trailing  ",
    "\nfirst line\n\nsecond",
    "user",
    "<|im_start|>assistant\n",
    HOSTILE,
]
BYTE_LEVEL = byte_level_tokenizer(bos=True)
SENTENCEPIECE = sentencepiece_tokenizer(template=CHAT_TEMPLATE)
TOKENIZERS = pytest.mark.parametrize(
    "tokenizer", [BYTE_LEVEL, SENTENCEPIECE], ids=["byte level", "sentencepiece"]
)


def rebuilt(tokens: Tokens, text: str) -> str:
    """The user's text from the tokens: whole tokens by their text, pieces of a character once."""
    written = ""
    for token, span in zip(tokens.texts, tokens.spans, strict=True):
        if span is None or span[1] <= len(written):
            continue
        assert span[0] == len(written)
        partial = token.startswith("<0x") and len(token) > span[1] - span[0]
        written += text[span[0] : span[1]] if partial else token
    return written


@TOKENIZERS
@pytest.mark.parametrize("prompt", PROMPTS)
def test_tokens_spell_the_prompt_exactly(tokenizer: PreTrainedTokenizerFast, prompt: str) -> None:
    tokens = tokenize(tokenizer, prompt)
    assert list(tokens.ids) == tokenizer(prompt)["input_ids"]
    assert rebuilt(tokens, prompt) == prompt


@TOKENIZERS
@pytest.mark.parametrize("prompt", PROMPTS)
def test_with_a_chat_template_the_spans_still_lie_in_the_users_text(
    tokenizer: PreTrainedTokenizerFast, prompt: str
) -> None:
    tokens = tokenize(tokenizer, prompt, chat_template=True)
    messages = [{"role": "user", "content": prompt}]
    chat = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert list(tokens.ids) == tokenizer(chat, add_special_tokens=False)["input_ids"]
    users = [span for span in tokens.spans if span is not None]
    # The template strips the prompt, as many do.
    assert users[0][0] == len(prompt) - len(prompt.lstrip())
    assert users[-1][1] == len(prompt.rstrip())
    for text, span in zip(tokens.texts, tokens.spans, strict=True):
        if span is not None and not text.startswith("<0x"):
            assert prompt[slice(*span)] == text or (
                # A token may begin in the template and end in the user's text.
                text.endswith(prompt[slice(*span)]) or text.startswith(prompt[slice(*span)])
            )


def test_a_template_token_that_reaches_into_the_prompt_is_clipped_to_it() -> None:
    tokenizer = byte_level_tokenizer(template="{{ 'Hel' + messages[0].content + ' you' }}")
    tokens = tokenize(tokenizer, "lo world, how are", chat_template=True)
    assert tokens.texts[0] == "Hello"
    assert tokens.spans[0] == (0, 2)
    assert tokens.spans[-1] is None


def test_a_text_that_repeats_itself_keeps_its_first_token_after_bos() -> None:
    tokens = tokenize(SENTENCEPIECE, "aaaaaaa")
    assert tokens.texts[:2] == ("<s>", "a")
    assert tokens.spans[:3] == (None, (0, 1), (1, 2))
    # The user did not write the beginning.
    assert list(tokens.written_by_user()) == [False] + [True] * (len(tokens) - 1)


def test_a_special_token_that_the_user_typed_is_the_users() -> None:
    tokens = tokenize(BYTE_LEVEL, "a<|im_end|>")
    assert (tokens.texts[-1], tokens.spans[-1]) == ("<|im_end|>", (1, 11))


@TOKENIZERS
def test_bytes_of_a_split_character_are_named_and_share_its_place(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    tokens = tokenize(tokenizer, "x🙂")
    assert tokens.texts[-4:] == ("<0xF0>", "<0x9F>", "<0x99>", "<0x82>")
    assert tokens.spans[-4:] == ((1, 2),) * 4


def test_words_that_the_tokenizer_does_not_know_or_cut_at_blanks_are_found_again() -> None:
    backend = Tokenizer(models.WordLevel({"<unk>": 0, "hello": 1, "world": 2}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")
    tokens = tokenize(tokenizer, "hello strange world")
    assert tokens.ids == (1, 0, 2)
    assert tokens.spans[0] == (0, 5)
    assert tokens.spans[2] == (14, 19)
    assert "strange" in tokens.texts[1]


@pytest.mark.parametrize("prompt", ["", "  \n"])
def test_an_empty_prompt_is_refused(prompt: str) -> None:
    with pytest.raises(ProblemError, match="empty") as caught:
        tokenize(BYTE_LEVEL, prompt)
    assert caught.value.problem.kind == "input"


def test_undecodable_bytes_are_refused() -> None:
    with pytest.raises(ProblemError, match=r"Character 4 .* not UTF-8"):
        tokenize(BYTE_LEVEL, b"caf\xe9".decode(errors="surrogateescape"))


@pytest.mark.parametrize(
    ("template", "said"),
    [(None, "no chat template"), ("{{ raise_exception('only systems') }}", "only systems")],
)
def test_a_template_that_is_not_there_or_refuses_the_prompt_is_said(template, said) -> None:
    with pytest.raises(ProblemError, match=said):
        tokenize(byte_level_tokenizer(template=template), "Hello", chat_template=True)


@TOKENIZERS
@pytest.mark.parametrize("response", ["", "Hello", " Hello world", "\n\n1. red", PLAIN_HOSTILE])
def test_a_given_response_is_a_continuation_with_nothing_before_it(
    tokenizer: PreTrainedTokenizerFast, response: str
) -> None:
    tokens = tokenize_response(tokenizer, response)
    assert bool(tokens.ids) == bool(response)
    assert rebuilt(tokens, response) == response
    assert all(span is not None for span in tokens.spans)
    assert response_tokens(tokenizer, tokens.ids) == (tokens, response)


def test_generated_bytes_that_are_no_character_are_named() -> None:
    first, second = BYTE_LEVEL("🙂", add_special_tokens=False)["input_ids"][:2]
    hello = BYTE_LEVEL("Hello", add_special_tokens=False)["input_ids"]
    tokens, text = response_tokens(BYTE_LEVEL, [first, second, *hello])
    assert text == "\ufffd\ufffdHello"
    assert tokens.texts == ("<0xF0>", "<0x9F>", "Hello")
    assert tokens.spans == ((0, 1), (1, 2), (2, 7))


def test_the_digest_tells_tokenizers_apart_that_cut_text_differently() -> None:
    base = tokenizer_digest(byte_level_tokenizer())
    tuned = byte_level_tokenizer(template=None)
    tuned.add_special_tokens({"additional_special_tokens": ["<|tool|>"]})
    assert tokenizer_digest(tuned) == base
    assert tokenizer_digest(byte_level_tokenizer(vocabulary=350)) != base
    assert tokenizer_digest(SENTENCEPIECE) != base


def test_ids_are_the_same_tokens_where_the_tokenizers_are_and_the_special_ones_agree() -> None:
    base, tuned = byte_level_tokenizer(), byte_level_tokenizer(template=None)
    tuned.add_special_tokens({"additional_special_tokens": ["<|tool|>"]})
    ids = base("Hello", add_special_tokens=False)["input_ids"]
    tool = tuned.convert_tokens_to_ids("<|tool|>")
    assert same_tokens(base, tuned, ids)
    assert not same_tokens(tuned, base, [*ids, tool])
    assert not same_tokens(base, byte_level_tokenizer(vocabulary=350), ids)
