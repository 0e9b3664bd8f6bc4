"""Thinking and answer are told apart by every family's marks, by id where these are tokens."""

import pytest
from tokenizers import AddedToken

from analysis.engine.tokenizing import response_tokens, tokenize, tokenize_response
from analysis.models.tokens import Tokens
from analysis.saliency.thinking import MARKS, parted
from tests.support.checkpoints import sentencepiece_tokenizer
from tests.support.tokenizer_kinds import FAST

HARMONY = ("<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|return|>")
RESPONSES = {
    "<think>": "<think>\nI hope so.\n</think>\n\nParis.",
    "<thinking>": "<thinking>I hope so.</thinking>\nParis.",
    "<thought>": "<thought>\nI hope so.\n</thought>\n\nParis.",
    "<seed:think>": "<seed:think>I hope so.</seed:think>Paris.",
    "[THINK]": "[THINK]I hope so.[/THINK]Paris.",
    "harmony": "<|channel|>analysis<|message|>I hope so.<|end|><|start|>assistant"
    "<|channel|>final<|message|>Paris.",
    "<|begin_of_thought|>": "<|begin_of_thought|>\n\nI hope so.\n\n<|end_of_thought|>\n\n"
    "<|begin_of_solution|>\n\nParis.\n\n<|end_of_solution|>",
    "<|channel>": "<|channel>thought\nI hope so.<channel|>Paris.",
    "<|START_THINKING|>": "<|START_THINKING|>I hope so.<|END_THINKING|><|START_RESPONSE|>Paris."
    "<|END_RESPONSE|>",
    "<|inner_prefix|>": "<|inner_prefix|>I hope so.<|inner_suffix|>Paris.",
}
TOKENS = {
    "harmony": HARMONY,
    "<|channel>": ("<|channel>", "<channel|>"),
}
NO_PROMPT = Tokens((), (), ())


def tokenizer(marks=(), *, special=True, kind="GPT-2"):
    found = sentencepiece_tokenizer() if kind == "Llama 1" else FAST[kind]()
    found.add_tokens([AddedToken(each, special=special, normalized=False) for each in marks])
    return found


def of_family(family):
    marks = next(each for each in MARKS if each.family == family)
    return TOKENS.get(family, (*marks.opens, *marks.closes, *marks.answers, *marks.ends))


def added(tokenizer):
    return {token: each.content for token, each in tokenizer.added_tokens_decoder.items()}


def told(found, tokens):
    return {
        kind: "".join(
            text for text, each in zip(tokens.texts, found.kinds, strict=True) if each == kind
        )
        for kind in ("thinking", "answer", "markup")
    }


def test_every_family_has_an_example():
    assert set(RESPONSES) == {each.family for each in MARKS}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("special", [True, False])
@pytest.mark.parametrize("kind", ["GPT-2", "Llama 3", "Llama 1"])
@pytest.mark.parametrize("family", RESPONSES)
def test_marks_that_are_tokens_are_matched_by_id(family, kind, special, known):
    marks = of_family(family)
    cutter = tokenizer(marks, special=special, kind=kind)
    ids = tokenize_response(cutter, RESPONSES[family]).ids
    assert set(ids) & set(cutter.convert_tokens_to_ids(list(marks)))
    tokens, text = response_tokens(cutter, ids)
    found = parted(NO_PROMPT, tokens, added(cutter) if known else None)
    parts = told(found, tokens)
    assert found.family == family
    assert (parts["thinking"].strip(), parts["answer"].strip()) == ("I hope so.", "Paris.")
    assert len(text) == sum(map(len, parts.values()))
    # Every mark is in the markup.
    assert all(mark in parts["markup"] for mark in marks if mark in RESPONSES[family])


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("kind", ["GPT-2", "Llama 3", "Llama 1"])
@pytest.mark.parametrize("family", RESPONSES)
def test_marks_that_are_not_are_matched_by_their_text(family, kind, known):
    cutter = tokenizer(kind=kind)
    tokens = tokenize_response(cutter, RESPONSES[family])
    assert len(tokens) > len(RESPONSES[family].split())
    found = parted(NO_PROMPT, tokens, added(cutter) if known else None)
    parts = told(found, tokens)
    # A token that ends a mark and begins a word is markup.
    assert "hope so" in parts["thinking"]
    assert "aris" in parts["answer"]
    assert "hope" not in parts["answer"] + parts["markup"]
    assert not set("<>[]|") & set(parts["thinking"] + parts["answer"])


def parts_of(response, prompt="", marks=(), *, template=None, known=True):
    cutter = tokenizer(marks)
    given = NO_PROMPT
    if prompt:
        cutter.chat_template = template
        given = tokenize(cutter, prompt, chat_template=template is not None)
    tokens = tokenize_response(cutter, response)
    found = parted(given, tokens, added(cutter) if known else None)
    parts = told(found, tokens)
    return found, parts["thinking"].strip(), parts["answer"].strip()


TEMPLATE = (
    "{% for message in messages %}User: {{ message.content }}\n{% endfor %}Assistant: <think>\n"
)


@pytest.mark.parametrize("marks", [("<think>", "</think>"), ()])
def test_a_template_may_begin_the_thinking(marks):
    response = "I hope so.\n</think>\n\nParis."
    found, thinking, answer = parts_of(response, "Where?", marks, template=TEMPLATE)
    assert found.begun_in_prompt
    assert (thinking, answer) == ("I hope so.", "Paris.")
    # It stays unfinished.
    found, thinking, answer = parts_of("I hope so, and", "Where?", marks, template=TEMPLATE)
    assert (thinking, answer) == ("I hope so, and", "")
    # A prompt written by hand does too.
    assert parts_of(response, "Where?<think>\n", marks)[0].begun_in_prompt
    assert not parts_of("Paris.", "What does <think> mean?", marks)[0].begun_in_prompt


@pytest.mark.parametrize("marks", [("<think>", "</think>"), ()])
@pytest.mark.parametrize(
    ("response", "thinking", "answer"),
    [
        ("Paris.", "", "Paris."),
        ("", "", ""),
        ("<think>\nI hope so", "I hope so", ""),
        ("<think>\n\n</think>\n\nParis.", "", "Paris."),
        ("I hope so.\n</think>\n\nParis.", "I hope so.", "Paris."),
        ("<think>One</think>Red.<think>Two</think>Blue.", "OneTwo", "Red.Blue."),
    ],
)
def test_marks_may_be_missing_hold_nothing_or_come_again(response, thinking, answer, marks):
    assert parts_of(response, marks=marks)[1:] == (thinking, answer)


@pytest.mark.parametrize(
    "response",
    [
        "The mark <think> begins it.",
        "Write `</think>` behind it.",
        "In <answer> tags. </answer>",
        "It ends with <|end|>.",
    ],
)
def test_marks_that_are_spoken_of_are_words(response):
    found, thinking, answer = parts_of(response)
    assert (found.family, thinking, answer) == ("", "", response)


def test_a_text_that_spells_what_is_a_token_says_nothing():
    """Only the vocabulary tells: this one has tokens for the marks, and other tokens spell them."""
    cutter, plain = tokenizer(("<think>", "</think>")), tokenizer()
    spelled = tokenize_response(plain, "<think>\nNo.\n</think>\nParis.")
    assert not set(spelled.ids) & set(cutter.convert_tokens_to_ids(["<think>", "</think>"]))
    assert set(parted(NO_PROMPT, spelled, added(cutter)).kinds) == {"answer"}


def test_an_answer_in_tags_of_its_own():
    _, thinking, answer = parts_of("<think>Hm.</think>\n<answer>Paris.</answer>")
    assert (thinking, answer) == ("Hm.", "Paris.")


@pytest.mark.parametrize(
    ("response", "thinking", "answer"),
    [
        ("<|channel|>final<|message|>Paris.", "", "Paris."),
        (
            "<|channel|>analysis<|message|>One<|end|><|start|>assistant<|channel|>analysis"
            "<|message|>Two<|end|><|start|>assistant<|channel|>final<|message|>Paris.<|return|>",
            "OneTwo",
            "Paris.",
        ),
        ("<|channel|>analysis<|message|>Hm", "Hm", ""),
        ("Paris.<|end|>", "", "Paris."),
    ],
)
def test_channels_open_and_close(response, thinking, answer):
    found = parts_of(response, marks=HARMONY)
    if "<|channel|>" in response:
        assert found[1:] == (thinking, answer)
    else:
        # Its end mark alone is that of any turn.
        assert found[0].family == ""
