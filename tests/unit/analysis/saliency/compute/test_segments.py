"""Totals by segment and log-probabilities are those of plain passes in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from analysis.engine.pool import ModelPool
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from analysis.saliency.compute.segments import segments
from analysis.saliency.request import SegmentsRequest
from analysis.saliency.segments import Segments, as_json
from cache.codec import decode, encode
from tests.support.checkpoints import byte_level_tokenizer
from tests.support.pairs import ADAPTER, FAMILIES, VOCABULARY, pair_of, reference
from tests.support.studies import answered, rows

PROMPT = "Hello world"
THOUGHT = "<think>how are you</think> I hope"
TOKENIZER = byte_level_tokenizer(vocabulary=VOCABULARY)


def ids_of(text: str) -> tuple[int, ...]:
    return tuple(TOKENIZER(text, add_special_tokens=False)["input_ids"])


@pytest.fixture(scope="module", params=(*FAMILIES, ADAPTER))
def model(request, tmp_path_factory) -> ModelChoice:
    return pair_of(tmp_path_factory.mktemp("pair"), request.param)[1]


@pytest.fixture(scope="module")
def llama(tmp_path_factory) -> ModelChoice:
    return pair_of(tmp_path_factory.mktemp("llama"), "llama")[1]


def found_of(model: ModelChoice, response: str, **given) -> Segments:
    request = SegmentsRequest(model, PROMPT, ids_of(response), method="gradient", **given)
    return answered(segments(request, ModelPool()))


def log_p_of(model, ids, counted, embedded=None):
    """Σ log p of the counted tokens, by one plain pass."""
    given = {"input_ids": ids[None]} if embedded is None else {"inputs_embeds": embedded}
    said = model(**given).logits[0, :-1].log_softmax(dim=1)
    return sum(said[at - 1, ids[at]] for at in counted)


def test_totals_and_deletions_are_those_of_float64(model: ModelChoice) -> None:
    found = found_of(model, THOUGHT)
    plain = reference(model)
    ids = torch.tensor([*found.prompt_tokens.ids, *found.response_tokens.ids])
    names = found.segments
    assert {"prompt", "thinking", "markup", "answer"} == set(names)
    for target, totals in (("thinking", found.for_thinking), ("answer", found.for_answer)):
        counted = [at for at, name in enumerate(names) if name == target]
        embedded = plain.get_input_embeddings()(ids)[None].detach().requires_grad_()
        value = log_p_of(plain, ids, counted, embedded)
        assert found.log_p[target] == pytest.approx(float(value.detach()), rel=1e-4)
        (gradient,) = torch.autograd.grad(value, embedded)
        wanted = (gradient * embedded).sum(dim=2)[0].detach().numpy()[: len(totals)]
        assert len(totals) == (len(found.prompt_tokens) if target == "thinking" else counted[0])
        # What is inside the segment weighs for it too, but is not asked about.
        np.testing.assert_allclose(totals, wanted, atol=2e-3 * np.abs(wanted).max())
    for what, value in found.log_p_without.items():
        gone, target = what.split()
        kept = [at for at, name in enumerate(names) if name != gone]
        counted = [place for place, at in enumerate(kept) if names[at] == target]
        with torch.no_grad():
            plainly = float(log_p_of(plain, ids[kept], counted))
        assert value == pytest.approx(plainly, rel=1e-4)
    # Without the prompt's tokens nothing stands before the first mark, which is not counted.
    assert set(found.log_p_without) == {"prompt thinking", "prompt answer", "thinking answer"}


def test_rows_add_up_and_shares_are_of_positive_totals(llama: ModelChoice) -> None:
    found = found_of(llama, THOUGHT)
    table = {(row["from_segment"], row["to_segment"]): row for row in rows(found.table())}
    assert list(table) == [("prompt", "thinking"), ("prompt", "answer"), ("thinking", "answer")]
    assert table["prompt", "thinking"]["share"] == 1.0
    shares = [table[source, "answer"]["share"] for source in ("prompt", "thinking")]
    assert sum(shares) == pytest.approx(1.0)
    every = rows(found.tokens_table())
    for source in ("prompt", "thinking"):
        own = [row["for_answer"] for row in every if row["segment"] == source]
        assert sum(own) == pytest.approx(table[source, "answer"]["sum"], abs=1e-4)
    assert "The answer hangs" in found.sentence()
    assert b'"segments"' in as_json(found)
    assert encode(decode(encode(found), Segments)) == encode(found)


@pytest.mark.parametrize(
    ("response", "targets", "said"),
    [
        (" I hope you are well", ["answer"], "There is no thinking in this response."),
        ("<think>how are you", ["thinking"], "The response ends before its answer."),
        ("<think></think> I hope", ["answer"], "There is no thinking in this response."),
    ],
)
def test_responses_without_thinking_or_answer_have_the_rows_they_can(
    llama: ModelChoice, response: str, targets: list[str], said: str
) -> None:
    found = found_of(llama, response)
    assert [row["to_segment"] for row in rows(found.table())] == targets
    assert found.sentence() == said


def test_a_template_is_no_ones_word(llama: ModelChoice) -> None:
    found = found_of(llama, THOUGHT, chat_template=True)
    assert "template" in found.segments
    counts = {row["tokens_from"] for row in rows(found.table()) if row["from_segment"] == "prompt"}
    assert counts == {sum(span is not None for span in found.prompt_tokens.spans)}


def test_an_empty_response_is_refused(llama: ModelChoice) -> None:
    with pytest.raises(ProblemError, match="The response has no tokens"):
        found_of(llama, "")
