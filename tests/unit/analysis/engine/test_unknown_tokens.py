"""A tokenizer may have tokens that the model has no embedding for; no analysis stumbles on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, processors
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast

from analysis.chat.compute import chat
from analysis.chat.request import ChatRequest
from analysis.clustering.compute.task_clusters import task_clusters
from analysis.clustering.request import ClustersRequest
from analysis.clustering.tasks.task_set import ClusterTask
from analysis.concepts.compute.analyses import concepts
from analysis.concepts.request import ConceptsRequest
from analysis.engine.pool import ModelPool
from analysis.heads.compute.analyses import head_pairs
from analysis.heads.request import HeadPairsRequest
from analysis.neurons.compute.ablation import ablation
from analysis.neurons.compute.frequencies import frequencies
from analysis.neurons.request import AblationRequest, AnsweredInstruction, FrequenciesRequest
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from analysis.saliency.compute.attribution import attribute
from analysis.saliency.request import AttributionRequest
from analysis.words.choice import Words, WordVectors
from tests.support import checkpoints
from tests.support.studies import answered

EXTRA = "<extra>"
BRIEF = "Translate <extra> the word"
TASK = ClusterTask("t", ("Do <extra> {}",), (("a", " the"),))
ANSWERED = AnsweredInstruction("code", "Hello", BRIEF)


@pytest.fixture(scope="module")
def choice(tmp_path_factory: pytest.TempPathFactory) -> ModelChoice:
    """A model whose tokenizer was given two tokens that its embeddings never heard of."""
    folder = tmp_path_factory.mktemp("models") / "small"
    tokenizer = checkpoints.byte_level_tokenizer()
    checkpoints.save(folder, checkpoints.llama(tokenizer), tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": [EXTRA]})
    tokenizer.add_tokens([AddedToken(" weather", normalized=False)])
    tokenizer.save_pretrained(folder)
    return ModelChoice(name="small", location=str(folder), device="cpu")


@pytest.fixture(scope="module")
def models() -> ModelPool:
    return ModelPool()


# What is computed, and the request for it.
ASKED: dict[str, tuple[Callable[..., Any], Callable[[ModelChoice], object]]] = {
    "a prompt": (attribute, lambda m: AttributionRequest(m, BRIEF, max_new_tokens=2)),
    "in a template": (attribute, lambda m: AttributionRequest(m, BRIEF, chat_template=True)),
    "a given response": (attribute, lambda m: AttributionRequest(m, "Hello", response=BRIEF)),
    "a conversation": (chat, lambda m: ChatRequest(m, (("user", BRIEF),))),
    "instances of tasks": (task_clusters, lambda m: ClustersRequest(m, (TASK,))),
    "instructions": (frequencies, lambda m: FrequenciesRequest(m, "code", ("Hello", BRIEF))),
    "a reference": (ablation, lambda m: AblationRequest(m, "code", ((0,), (1,)), (ANSWERED,))),
}


@pytest.mark.parametrize(("analysis", "request_of"), ASKED.values(), ids=ASKED)
def test_the_token_is_named(
    analysis: Callable[..., Any],
    request_of: Callable[[ModelChoice], object],
    choice: ModelChoice,
    models: ModelPool,
) -> None:
    with pytest.raises(ProblemError) as caught:
        answered(analysis(request_of(choice), models))
    said = caught.value.problem
    assert said.kind == "input"
    assert said.what == "A token id lies outside the model's vocabulary."
    rows = len(checkpoints.byte_level_tokenizer())
    assert said.why == (
        f"The token '<extra>' has the id {rows}; the model's embeddings have {rows} rows."
    )


def saved(folder: Path, model: torch.nn.Module, tokenizer: Any, prompt: str, **options: Any) -> Any:
    """What is said of a prompt by a model that was saved with a tokenizer."""
    checkpoints.save(folder, model, tokenizer)
    choice = ModelChoice(name="m", location=str(folder), device="cpu")
    return answered(attribute(AttributionRequest(choice, prompt, **options), ModelPool()))


def test_a_tokenizer_that_begins_every_text_with_such_a_token_is_refused(tmp_path: Path) -> None:
    tokenizer = checkpoints.byte_level_tokenizer()
    model = checkpoints.llama(tokenizer)
    tokenizer.add_special_tokens({"bos_token": "<bos>"})
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", tokenizer.bos_token_id)]
    )
    with pytest.raises(ProblemError, match=r"outside .* The token '<bos>' has"):
        saved(tmp_path / "m", model, tokenizer, "Hello")


def test_what_follows_the_last_embedding_may_pad_and_end(tmp_path: Path) -> None:
    tokenizer = checkpoints.byte_level_tokenizer()
    model = checkpoints.llama(tokenizer)
    tokenizer.add_special_tokens({"pad_token": "<pad>", "eos_token": "<end>"})
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    assert saved(tmp_path / "m", model, tokenizer, "Hello", max_new_tokens=3).ended == "length"


@pytest.fixture
def words(tmp_path: Path) -> Words:
    """Three words, the second of which is a token beyond the embeddings."""
    file = tmp_path / "words.txt"
    file.write_text("the\nweather\nword\n")
    return Words("file", path=str(file))


def test_a_word_that_the_model_has_no_embedding_for_is_left_out(
    choice: ModelChoice, models: ModelPool, words: Words
) -> None:
    note = "1 of 3 words have no token in the model's vocabulary."
    vectors = WordVectors("embeddings")
    pairs = answered(head_pairs(HeadPairsRequest(choice, 0, words, vectors), models))
    assert (pairs.vocabulary, note in pairs.notes) == (2, True)
    found = answered(concepts(ConceptsRequest(choice, choice, 0, words, rank=2, top=2), models))
    assert note in found.notes
    assert set(found.base.words) == {"the", "word"}


def test_a_tokenizer_that_knows_no_token_for_a_character_says_so(tmp_path: Path) -> None:
    written = Tokenizer(WordLevel({"hello": 0, "world": 1}, unk_token="<unk>"))
    written.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=written, eos_token="world")
    folder = checkpoints.save(tmp_path / "m", checkpoints.llama(tokenizer), tokenizer)
    choice = ModelChoice(name="m", location=str(folder), device="cpu")
    request = AttributionRequest(model=choice, prompt="hello there")
    with pytest.raises(ProblemError, match="no tokens for a part of the text") as caught:
        answered(attribute(request, ModelPool()))
    assert caught.value.problem.kind == "input"
    file = tmp_path / "words.txt"
    file.write_text("hello\nthere\nworld\n")
    words = Words("file", path=str(file))
    found = answered(
        concepts(ConceptsRequest(choice, choice, 0, words, rank=2, top=2), ModelPool())
    )
    assert set(found.base.words) == {"hello", "world"}


def test_embeddings_of_more_rows_than_tokens_are_no_fault(tmp_path: Path) -> None:
    tokenizer = checkpoints.byte_level_tokenizer()
    model = checkpoints.llama(tokenizer)
    with torch.no_grad():
        model.resize_token_embeddings(448)
    found = saved(tmp_path / "m", model, tokenizer, "Hello", response_ids=(447,))
    assert found.response_tokens.texts == ("",)
