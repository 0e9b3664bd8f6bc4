"""Both models' log-probabilities, KL and choices are those of plain passes in float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from analysis.divergence.compute.divergence import divergence
from analysis.divergence.request import DivergenceRequest
from analysis.divergence.result import Divergence
from analysis.engine.pool import ModelPool
from analysis.problems import ProblemError
from analysis.request import Pair
from cache.codec import decode, encode
from tests.support import checkpoints
from tests.support.pairs import ADAPTER, FAMILIES, pair_of, reference
from tests.support.studies import answered

PROMPT = "Hello world"
RESPONSE = " how are you today?"
KINDS = (*FAMILIES, ADAPTER)


@pytest.fixture(scope="module", params=KINDS)
def pair(request, tmp_path_factory) -> Pair:
    return pair_of(tmp_path_factory.mktemp("pair"), request.param)


@pytest.fixture(scope="module")
def llamas(tmp_path_factory) -> Pair:
    return pair_of(tmp_path_factory.mktemp("llamas"), "llama")


def found_of(request: DivergenceRequest, pool: ModelPool | None = None) -> Divergence:
    return answered(divergence(request, pool or ModelPool()))


def test_numbers_are_those_of_float64(pair: Pair) -> None:
    found = found_of(DivergenceRequest(*pair, PROMPT, response=RESPONSE))
    prompt, response = found.prompt_tokens[0].ids, found.response_tokens.ids
    ids = torch.tensor([[*prompt, *response]])
    with torch.no_grad():
        logits = [reference(model)(ids).logits[0, len(prompt) - 1 : -1] for model in pair]
    both = [each.log_softmax(dim=1) for each in logits]
    for place, token in enumerate(response):
        base, tuned = both[0][place], both[1][place]
        for side, own in enumerate((base, tuned)):
            assert found.log_p[side, place] == pytest.approx(float(own[token]), abs=2e-4)
            best = own.topk(8)
            shown = [float(own[each]) for each in found.choices[side, place]]
            assert shown == pytest.approx(best.values.tolist(), abs=2e-4)
            for giver, given in enumerate((base, tuned)):
                wanted = [float(given[each]) for each in found.choices[side, place]]
                assert found.choice_log_p[side, giver, place] == pytest.approx(wanted, abs=2e-4)
        kl = sum(float(tuned[t].exp() * (tuned[t] - base[t])) for t in range(len(base)))
        assert found.kl[place] == pytest.approx(kl, abs=2e-4)
    # The greedy choices are the largest logits of each by itself.
    parted = [int(a.argmax()) != int(b.argmax()) for a, b in zip(*both, strict=True)]
    assert found.parted.tolist() == parted
    assert found.first == (parted.index(True) if any(parted) else None)
    assert found.places == len(response)


def test_a_response_that_ends_has_its_end_as_a_place(llamas: Pair) -> None:
    base, tuned = llamas
    pool = ModelPool()
    forced = found_of(DivergenceRequest(base, tuned, PROMPT, response=RESPONSE), pool)
    ids = forced.response_tokens.ids
    request = DivergenceRequest(base, tuned, PROMPT, response_ids=ids, ended=True)
    whole = found_of(request, pool)
    assert whole.places == forced.places + 1
    assert np.array_equal(whole.log_p[:, :-1], forced.log_p)
    assert whole.token(whole.places - 1) is None
    (end,) = whole.ends[1]
    model = reference(tuned)
    with torch.no_grad():
        logits = model(torch.tensor([[*whole.prompt_tokens[1].ids, *ids]])).logits[0, -1]
    assert whole.log_p[1, -1] == pytest.approx(float(logits.log_softmax(0)[end]), abs=2e-4)


@pytest.mark.parametrize(("writer", "side"), [("base", 0), ("tuned", 1)])
def test_without_a_response_the_writer_answers_greedily(llamas, writer, side) -> None:
    found = found_of(DivergenceRequest(*llamas, PROMPT, writer=writer, max_new_tokens=6))
    # What a model wrote greedily, it prefers at every place.
    assert found.choices[side, : len(found.response_tokens), 0].tolist() == list(
        found.response_tokens.ids
    )
    assert found.writer == writer


def test_the_same_model_twice_never_parts(llamas: Pair) -> None:
    base, _ = llamas
    found = found_of(DivergenceRequest(base, base, PROMPT, response=RESPONSE))
    assert found.first is None
    assert np.all(found.kl == 0)
    assert np.all(found.gain == 0)


def test_a_chat_template_is_the_tuned_models_alone(llamas: Pair) -> None:
    found = found_of(DivergenceRequest(*llamas, PROMPT, response=RESPONSE, chat_template=True))
    plain = found_of(DivergenceRequest(*llamas, PROMPT, response=RESPONSE))
    base, tuned = found.prompt_tokens
    assert base == plain.prompt_tokens[0]
    assert len(tuned) > len(base)
    assert np.array_equal(found.log_p[0], plain.log_p[0])
    assert not np.array_equal(found.log_p[1], plain.log_p[1])


def test_models_of_two_tokenizers_and_empty_responses_are_refused(llamas, tmp_path: Path) -> None:
    base, tuned = llamas
    with pytest.raises(ProblemError, match="The response has no tokens"):
        found_of(DivergenceRequest(base, tuned, PROMPT, response=""))
    other = tmp_path / "other"
    reference(tuned).float().save_pretrained(other)
    checkpoints.sentencepiece_tokenizer().save_pretrained(other)
    moved = replace(tuned, location=str(other))
    with pytest.raises(ProblemError, match="in different ways"):
        found_of(DivergenceRequest(base, moved, PROMPT, response=RESPONSE))


def test_a_result_survives_the_cache(llamas: Pair) -> None:
    found = found_of(DivergenceRequest(*llamas, PROMPT, response=RESPONSE))
    again = decode(encode(found), Divergence)
    assert encode(again) == encode(found)
    assert again.texts == found.texts
