"""A local model continues a conversation as transformers' own generation does."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from analysis.chat.compute import chat
from analysis.chat.request import ChatRequest
from analysis.demo.catalog import WEIGHTS
from analysis.engine.pool import ModelPool
from analysis.models.references import resolve
from analysis.problems import ProblemError
from tests.support.studies import answered

TURNS = (("user", "What is the capital of France?"),)


@pytest.fixture(scope="module")
def pool():
    return ModelPool()


def answer(request, pool):
    return answered(chat(request, pool))


def test_at_temperature_0_the_likeliest_tokens_are_taken(pool):
    reply = answer(ChatRequest(resolve("demo-tuned"), TURNS, max_tokens=8), pool)
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS / "demo-tuned")
    model = AutoModelForCausalLM.from_pretrained(WEIGHTS / "demo-tuned", dtype=torch.float32)
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": TURNS[0][1]}], add_generation_prompt=True
    )["input_ids"]
    expected = []
    with torch.no_grad():
        while len(expected) < 8:
            token = int(model(torch.tensor([[*ids, *expected]])).logits[0, -1].argmax())
            expected.append(token)
            if token in model.generation_config.eos_token_id:
                break
    assert reply.text == tokenizer.decode(expected, skip_special_tokens=True)
    assert (reply.input_tokens, reply.output_tokens) == (len(ids), len(expected))
    assert not reply.cut


def test_a_seed_repeats_what_was_sampled(pool):
    requests = [
        ChatRequest(resolve("demo-tuned"), TURNS, temperature=5.0, seed=seed, max_tokens=12)
        for seed in (1, 1, 2)
    ]
    first, again, other = (answer(request, pool) for request in requests)
    assert first == again
    assert first != other


def test_an_answer_at_its_limit_is_cut(pool):
    story = (("user", "Write a short story about a squirrel and a bridge."),)
    assert answer(ChatRequest(resolve("demo-tuned"), story, max_tokens=2), pool).cut


def test_a_model_without_a_chat_template_is_refused(pool):
    with pytest.raises(ProblemError, match="no chat template"):
        answer(ChatRequest(resolve("demo-base"), TURNS), pool)


def test_a_conversation_beyond_the_window_is_refused(pool):
    with pytest.raises(ProblemError, match="too long for demo-tuned"):
        answer(ChatRequest(resolve("demo-tuned"), (("user", "word " * 5000),)), pool)


def test_what_a_chat_template_refuses_is_said(pool):
    turns = (("system", "Be brief."), *TURNS)
    with pytest.raises(ProblemError, match=r"refuses the conversation\. It says: the demo pair"):
        answer(ChatRequest(resolve("demo-tuned"), turns), pool)
