"""Generation is greedy, one token at a time, and the same as transformers' own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tokenizers import AddedToken
from transformers import GenerationConfig, PreTrainedModel

from analysis.engine.generation import TurnEnd, end_tokens, generate, turn_end
from analysis.engine.loading import LoadedModel, load_model
from analysis.events import ModelFacts
from analysis.request import ModelChoice
from tests.families import reference
from tests.support import checkpoints
from tests.support.checkpoints import CONTEXT_WINDOW, byte_level_tokenizer, sentencepiece_tokenizer
from tests.support.small_models import VOCABULARY, small_model
from tests.support.studies import driven

CPU = torch.device("cpu")
PROMPT = [5, 9, 70, 33]


def loaded(model: PreTrainedModel, *, window: int = 0, ends: int | list[int] = 2) -> LoadedModel:
    """A model as the pool would hand it out."""
    model.generation_config = GenerationConfig(eos_token_id=ends, pad_token_id=0)
    facts = ModelFacts("m", "", 0, 0, 0, window, "cpu", "float32", False, "", 0.0)
    tokenizer = checkpoints.byte_level_tokenizer()
    return LoadedModel(ModelChoice("m", "/m"), model.eval(), tokenizer, facts, CPU)


def response(model: LoadedModel, prompt: list[int], limit: int) -> tuple[list[int], str]:
    ended, ids = driven(generate(model, prompt, limit))
    return ids, ended


@pytest.mark.parametrize("family", ["gpt2", "mixtral"])
def test_the_ids_are_those_of_transformers(family: str) -> None:
    model = loaded(small_model(family), ends=VOCABULARY - 1)
    prompt = [token % VOCABULARY for token in PROMPT]
    ids, ended = response(model, prompt, 20)
    expected = reference.greedy(model.model, prompt, 20)
    assert ids == (expected[:-1] if expected[-1] == VOCABULARY - 1 else expected)
    assert ended == ("end" if len(ids) < 20 else "length")


@pytest.fixture(scope="module")
def llama() -> PreTrainedModel:
    return checkpoints.llama(checkpoints.byte_level_tokenizer())


def test_every_end_token_ends_the_response_and_is_no_part_of_it(llama: PreTrainedModel) -> None:
    free, _ = response(loaded(llama, ends=-1), PROMPT, 12)
    assert len(set(free)) > 3
    end = free[4]
    before = free[: free.index(end)]
    assert response(loaded(llama, ends=[1, end]), PROMPT, 12) == (before, "end")


def test_sampling_settings_of_a_checkpoint_change_nothing(llama: PreTrainedModel) -> None:
    plain, _ = response(loaded(llama, ends=-1), PROMPT, 12)
    model = loaded(llama, ends=-1)
    model.model.generation_config = GenerationConfig(
        eos_token_id=-1, do_sample=True, temperature=2.0, repetition_penalty=5.0
    )
    assert response(model, PROMPT, 12) == (plain, "length")


def test_the_context_window_ends_a_response(llama: PreTrainedModel) -> None:
    model = loaded(llama, window=CONTEXT_WINDOW, ends=-1)
    ids, ended = response(model, PROMPT * 20, 300)
    assert (len(ids), ended) == (CONTEXT_WINDOW - 80, "length")


def test_no_room_for_a_response_gives_an_empty_one(llama: PreTrainedModel) -> None:
    assert response(loaded(llama), PROMPT, 0) == ([], "length")


def test_gradients_are_as_the_caller_left_them_between_two_tokens(llama: PreTrainedModel) -> None:
    steps = generate(loaded(llama, ends=-1), PROMPT, 3, frozenset())
    for _ in steps:
        assert torch.is_grad_enabled()


def test_without_a_configured_end_the_tokenizers_counts(tmp_path: Path) -> None:
    tokenizer = checkpoints.byte_level_tokenizer()
    folder = checkpoints.save(tmp_path / "m", checkpoints.llama(tokenizer), tokenizer)
    model = load_model(ModelChoice("m", str(folder)), folder, CPU)
    assert end_tokens(model) == {tokenizer.eos_token_id}
    model.model.generation_config.eos_token_id = None
    assert end_tokens(model) == {tokenizer.eos_token_id}


CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
LLAMA = (
    "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content | trim }}{{ eos_token }}{% endif %}{% endfor %}"
)
PLAIN = "{% for m in messages %}### {{ m.role }}:\n{{ m.content }}\n### end\n{% endfor %}"
NOTHING = "{% for m in messages %}{{ m.content }}{% endfor %}"
ALONE = "{% if messages | length > 1 %}{{ raise_exception('one turn only') }}{% endif %}"


def test_a_special_token_after_the_answer_ends_the_turn():
    tokenizer = byte_level_tokenizer(template=CHATML)
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert turn_end(tokenizer) == TurnEnd(end, "<|im_end|>")


def test_the_end_may_come_after_a_space_of_the_tokenizers_own():
    tokenizer = sentencepiece_tokenizer(template=LLAMA)
    assert turn_end(tokenizer) == TurnEnd(tokenizer.eos_token_id, "</s>")


def test_an_added_token_that_is_not_special_ends_it_too():
    tokenizer = byte_level_tokenizer(template=PLAIN.replace("### end", "<turn>"))
    tokenizer.add_tokens([AddedToken("<turn>", special=False)])
    assert turn_end(tokenizer).token == tokenizer.convert_tokens_to_ids("<turn>")


def test_words_end_a_turn_without_a_token():
    assert turn_end(byte_level_tokenizer(template=PLAIN)) == TurnEnd(None, "### end")


@pytest.mark.parametrize("template", [None, NOTHING, ALONE])
def test_where_a_template_says_nothing_there_is_no_end(template):
    assert turn_end(byte_level_tokenizer(template=template)) == TurnEnd(None, "")
