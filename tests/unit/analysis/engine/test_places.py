"""Every token has its own place in the user's text: the one that its tokenizer gives it."""

from __future__ import annotations

import random
import unicodedata
from functools import cache

import pytest
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from analysis.engine.tokenizing import response_tokens, tokenize, tokenize_response
from analysis.models.tokens import Span, Tokens
from analysis.saliency.cases.instructions import instruction_mask
from tests.support.tokenizer_kinds import FAST, Forgetful, precompiled

TEXTS = [
    "Hello world, how are you today?",
    " leading  and   trailing  ",
    "Café déjà vu naïve",
    unicodedata.normalize("NFD", "Café 한국의 수도는 how many"),
    "東京 🙂 x\n\n\tfirst ½ ﬁne ＡＢＣ",
    "The CAT sat ON the mat.",
    "zzz qqq 1234567 <|end|> </s> [SEP]",
    "ß İstanbul ŒUVRE ﷺ a\u200bb\u00a0c e\u0301\u0301",
]
PARTS = [
    *"abc ehtowABC\n\t.,?!",
    *("é", "e\u0301", "한", "국", "東", "🙂", "½", "ﬁ", " ", "  ", "\u00a0", "\u200b", "İ", "ß"),
    *("\r\n", "how ", "the ", "water", "<|end|>", "</s>"),
]


@cache
def tokenizer_of(kind: str) -> PreTrainedTokenizerFast:
    return FAST[kind]()


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    return precompiled(tmp_path_factory.mktemp("t5"))


def tight(text: str, span: Span) -> Span:
    """A span without the white space at its ends."""
    part = text[slice(*span)]
    start = span[0] + len(part) - len(part.lstrip())
    return start, max(start, span[0] + len(part.rstrip()))


def misplaced(tokenizer: PreTrainedTokenizerBase, text: str) -> list[object]:
    """The tokens of a text, white space aside, that are not where the tokenizer has them."""
    tokens = tokenize(tokenizer, text)
    own = tokenizer(text, return_offsets_mapping=True)
    assert list(tokens.ids) == own["input_ids"]
    found: list[object] = []
    reached = 0
    for token, span, offset, part in zip(
        tokens.texts, tokens.spans, own["offset_mapping"], own.sequence_ids(0), strict=True
    ):
        if part is None:
            assert span is None
            continue
        if span is not None:
            assert span[0] >= reached
            reached = span[0]
        if not token.strip() or offset[0] == offset[1]:
            continue
        # A tokenizer that is told to leave out a space that is not there leaves out a letter.
        bug = span is not None and (span[0] + 1, span[1]) == offset
        if not bug and (span is None or tight(text, span) != tight(text, offset)):
            found.append((token, span, offset))
    return found


@pytest.mark.parametrize("kind", FAST)
def test_every_token_is_where_its_tokenizer_has_it(kind: str) -> None:
    """In texts that nobody thought of, too."""
    chance = random.Random(kind)
    texts = ["".join(chance.choices(PARTS, k=chance.randint(2, 25))) for _ in range(150)]
    texts = TEXTS + [text for text in texts if any(map(str.isalnum, text))]
    assert not [found for text in texts if (found := misplaced(tokenizer_of(kind), text))]


def texts_of(tokens: Tokens) -> list[str]:
    """What the tokens of the user's text show."""
    return [text for text, span in zip(tokens.texts, tokens.spans, strict=True) if span]


def test_a_compiled_normaliser_is_no_obstacle(t5: PreTrainedTokenizerFast) -> None:
    assert not [found for text in TEXTS if (found := misplaced(t5, text))]
    assert "".join(texts_of(tokenize(t5, "the ½ ﬁne"))).split() == ["the", "1⁄2", "fine"]


def marked_by(tokens: Tokens, text: str, word: Span) -> Span:
    """From where to where the tokens reach that marking a word marks."""
    marked = instruction_mask(tokens, [word])
    spans = [
        tight(text, span)
        for span, is_marked in zip(tokens.spans, marked, strict=True)
        if span is not None and is_marked
    ]
    return min(start for start, _ in spans), max(end for _, end in spans)


@pytest.mark.parametrize("kind", FAST)
def test_a_marked_word_marks_its_tokens_and_no_others(kind: str) -> None:
    text = unicodedata.normalize("NFD", "How many people are ın thé water?")
    word = (text.index("people"), text.index(" are"))
    assert marked_by(tokenize(tokenizer_of(kind), text), text, word) == word


@pytest.mark.parametrize("kind", FAST)
def test_what_tokens_show_is_what_was_written(kind: str) -> None:
    text = "how many people are in the water"
    shown = texts_of(tokenize(tokenizer_of(kind), text))
    shown = [token for token in shown if not token.startswith("<0x")]
    assert "".join("".join(shown).split()) == "".join(text.split())


def test_letters_keep_their_case_and_composed_ones_their_accents() -> None:
    assert texts_of(tokenize(tokenizer_of("GPT-1"), "How MANY")) == ["How ", "MANY"]
    accents = unicodedata.normalize("NFD", "déjà")
    assert "".join(texts_of(tokenize(tokenizer_of("Qwen, NFC"), accents))) == "déj<0xC3><0xA0>"


@pytest.mark.parametrize("kind", FAST)
def test_in_a_template_the_places_are_those_of_the_users_text(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    tokenizer.chat_template = "the user: {{ messages[0].content }} the end"
    text = unicodedata.normalize("NFD", "How many Cafés")
    tokens = tokenize(tokenizer, text, chat_template=True)
    for word in ((0, 3), (4, 8), (9, 15)):
        assert marked_by(tokens, text, word) == word
    outside = [span for span in tokens.spans if span is None]
    assert len(outside) >= 4


@pytest.mark.parametrize("kind", FAST)
def test_a_given_response_has_places_of_its_own(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    for text in ("Hello world", "\nhow many", "The ½ Café"):
        tokens = tokenize_response(tokenizer, text)
        spans = [span for span in tokens.spans if span]
        assert spans == sorted(spans)
        assert tight(text, (spans[0][0], spans[-1][1])) == tight(text, (0, len(text)))
        assert max(end - start for start, end in spans) < len(text)


@pytest.mark.parametrize(("kind", "says"), [("BERT", " how many"), ("GPT-1", "how many ")])
def test_generated_words_are_told_apart(kind: str, says: str) -> None:
    tokenizer = tokenizer_of(kind)
    ids = tokenizer("how many", add_special_tokens=False)["input_ids"]
    tokens, text = response_tokens(tokenizer, ids)
    assert text == says
    assert "".join(tokens.texts) == says


def test_without_an_account_letters_are_followed_whatever_their_case() -> None:
    texts = {"How MANY people?": "How MA NY people ?", "Café au  lait straße ﬁne": None}
    for text, words in texts.items():
        tokens = tokenize(Forgetful(), text)
        found = [text[slice(*span)].strip() for span in tokens.spans if span]
        assert found == (words or text).split()
        assert words is None or [each.strip() for each in tokens.texts] == words.split()


def test_without_an_account_what_is_lost_covers_nothing() -> None:
    text = "how foo, bar baz many"
    tokens = tokenize(Forgetful(), text)
    assert tokens.spans[0] == (0, 4)
    assert tight(text, tokens.spans[-1] or (0, 0)) == (19, 21)
    # Written by the user all the same.
    assert all(span is not None and span[1] - span[0] < 6 for span in tokens.spans)
