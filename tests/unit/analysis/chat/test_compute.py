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


def answer(pool, turns=TURNS, model="demo-tuned", **options):
    return answered(chat(ChatRequest(resolve(model), turns, **options), pool))


def test_at_temperature_0_the_likeliest_tokens_are_taken(pool):
    reply = answer(pool, max_tokens=60)
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS / "demo-tuned")
    model = AutoModelForCausalLM.from_pretrained(WEIGHTS / "demo-tuned", dtype=torch.float32)
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": TURNS[0][1]}], add_generation_prompt=True
    )["input_ids"]
    expected = []
    with torch.no_grad():
        while len(expected) < 60:
            token = int(model(torch.tensor([[*ids, *expected]])).logits[0, -1].argmax())
            expected.append(token)
            if token in model.generation_config.eos_token_id:
                break
    assert reply.text == tokenizer.decode(expected, skip_special_tokens=True)
    assert (reply.input_tokens, reply.output_tokens) == (len(ids), len(expected))
    assert not reply.cut


def test_a_seed_repeats_what_was_sampled(pool):
    given = {"temperature": 5.0, "max_tokens": 12}
    first, again, other = (answer(pool, seed=seed, **given) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_an_answer_at_its_limit_is_cut(pool):
    story = (("user", "Write a short story about a squirrel and a bridge."),)
    assert answer(pool, story, max_tokens=2).cut


SYSTEM = (("system", "Be brief."), *TURNS)


@pytest.mark.parametrize(
    ("model", "turns", "said"),
    [
        ("demo-base", TURNS, "no chat template"),
        ("demo-tuned", (("user", "word " * 5000),), "too long for demo-tuned"),
        ("demo-tuned", SYSTEM, r"refuses the conversation\. It says: the demo pair"),
    ],
    ids=["no template", "beyond the window", "refused by the template"],
)
def test_what_a_model_cannot_go_on_with_is_said(pool, model, turns, said):
    with pytest.raises(ProblemError, match=said):
        answer(pool, turns, model)
