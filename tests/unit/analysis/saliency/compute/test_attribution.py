"""A prompt is answered and explained, and what is known so far is told on the way."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from analysis.engine.facts import load, tokenize_prompt
from analysis.engine.loading import LoadedModel
from analysis.engine.pool import ModelPool
from analysis.engine.tokenizing import tokenize
from analysis.events import Partial, Progress
from analysis.models.request import LoadRequest, TokenizeRequest
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from analysis.saliency.compute import attribution as attribution_module
from analysis.saliency.compute.attribution import attribute
from analysis.saliency.compute.importance import importance
from analysis.saliency.map import SaliencyMap
from analysis.saliency.request import AttributionRequest
from analysis.saliency.result import Attribution
from cache.codec import decode, encode
from tests.support import checkpoints
from tests.support.checkpoints import CONTEXT_WINDOW
from tests.support.studies import answered, driven
from tests.unit.analysis.saliency.compute.reference import EXACT, METHODS

PROMPT = "Translate the word into French: the cat"


@pytest.fixture(scope="module")
def choice(tmp_path_factory: pytest.TempPathFactory) -> ModelChoice:
    tokenizer = checkpoints.byte_level_tokenizer()
    folder = tmp_path_factory.mktemp("models") / "llama"
    checkpoints.save(folder, checkpoints.llama(tokenizer), tokenizer)
    return ModelChoice(name="small", location=str(folder), device="cpu")


@pytest.fixture(scope="module")
def models() -> ModelPool:
    return ModelPool()


Explain = Callable[..., tuple[Attribution, list[Any]]]


def asked(choice: ModelChoice, **options: Any) -> AttributionRequest:
    return AttributionRequest(
        **{"model": choice, "prompt": PROMPT, "max_new_tokens": 12, **options}
    )


@pytest.fixture(scope="module")
def explain(choice: ModelChoice, models: ModelPool) -> Explain:
    """Explains `PROMPT`: the result, and what was told on the way."""
    return lambda **options: driven(attribute(asked(choice, **options), models))


@pytest.fixture(scope="module")
def whole(explain: Explain) -> Attribution:
    """The result without any options."""
    return explain()[0]


@pytest.fixture(scope="module")
def loaded(choice: ModelChoice, models: ModelPool) -> LoadedModel:
    return answered(models.get(choice))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A partial result after every step."""
    monkeypatch.setattr(attribution_module, "_PARTIAL_INTERVAL_S", 0.0)


def test_the_importance_is_that_of_the_ids_the_model_saw(
    choice: ModelChoice, models: ModelPool, whole: Attribution, loaded: LoadedModel
) -> None:
    facts = answered(load(LoadRequest(choice), models))
    prompt_ids = whole.prompt_tokens.ids
    expected = importance(loaded.model, prompt_ids, whole.response_tokens.ids).numpy()
    np.testing.assert_allclose(whole.importance, expected, rtol=1e-5, atol=1e-7)
    assert whole.importance.dtype == np.float32
    assert whole.prompt_tokens == tokenize(loaded.tokenizer, PROMPT)
    ids = loaded.model.generate(torch.tensor([prompt_ids]), do_sample=False, max_new_tokens=12)
    written = ids[0, len(prompt_ids) :].tolist()
    end = loaded.tokenizer.eos_token_id
    assert list(whole.response_tokens.ids) == [token for token in written if token != end]
    assert whole.ended == ("end" if end in written else "length")
    assert (whole.model, whole.prompt, whole.device) == ("small", PROMPT, facts.device)
    assert whole.seconds > 0


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("method", METHODS)
def test_the_response_grows_first_and_the_map_fills_up_next(explain: Explain, method: str) -> None:
    # With no memory to spare every method takes its smallest steps.
    result, events = explain(method=method, memory_budget=1)
    partials = [event.result for event in events if isinstance(event, Partial)]
    total = len(result.response_tokens)
    assert total > 3
    lengths = [len(partial.response_tokens) for partial in partials]
    written = partials[: lengths.index(total) + 1]
    assert [len(partial.response_tokens) for partial in written] == list(range(1, total + 1))
    assert {partial.ended for partial in written} == {"running"}
    growing = partials[len(written) + 1 :]
    np.testing.assert_allclose(result.totals, result.importance.sum(axis=1), rtol=1e-3, atol=1e-4)
    if not method.startswith("occlusion"):
        first = growing.pop(0)
        assert np.isnan(first.importance).all()
        np.testing.assert_array_equal(first.totals, result.totals)
        assert result.difference is not None
        assert 0 <= result.difference < 1e-4
        # The whole map comes before its comparison with deletion.
        last = growing.pop()
        np.testing.assert_array_equal(last.importance, result.importance)
        assert last.faithfulness is None
    assert growing
    known = [int((~np.isnan(partial.importance)).sum()) for partial in growing]
    assert known == sorted(set(known))
    assert 0 < known[0] < known[-1] < result.importance.size
    for partial in growing:
        assert partial.ended == result.ended
        there = ~np.isnan(partial.importance)
        assert partial.importance.shape == result.importance.shape
        axis = 0 if method.endswith("reverse") else 1
        assert (there.all(axis=axis) == there.any(axis=axis)).all()
        np.testing.assert_array_equal(partial.importance[there], result.importance[there])
    assert not np.isnan(result.importance).any()


@pytest.mark.parametrize(
    ("method", "ran"), [("auto", "totals"), ("frozen_norms", "frozen_norms_totals")]
)
def test_totals_alone_are_those_of_the_map(explain: Explain, method: str, ran: str) -> None:
    whole, _ = explain(method=method)
    result, events = explain(method=method, totals_only=True)
    assert result.response_tokens == whole.response_tokens
    np.testing.assert_allclose(result.totals, whole.totals, rtol=1e-5, atol=1e-7)
    assert np.isnan(result.importance).all()
    assert (result.method, result.passes_dtype) == (ran, "float32")
    assert not any(isinstance(each, Progress) and each.stage == "attribute" for each in events)


def test_partial_results_come_at_most_five_times_a_second(
    explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A clock on which every reading is 50 ms after the last.
    readings: Iterator[float] = iter(0.05 * step for step in range(10**6))
    clock = SimpleNamespace(monotonic=lambda: next(readings))
    monkeypatch.setattr(attribution_module, "time", clock)
    result, events = explain(max_new_tokens=40, method="reverse")
    growing = [event for event in events if isinstance(event, Partial)]
    steps = 2 * len(result.response_tokens)
    assert steps // 5 <= len(growing) <= steps // 4 + 2


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("method", METHODS)
def test_progress_counts_the_tokens_that_are_done(explain: Explain, method: str) -> None:
    result, events = explain(method=method)
    rows, columns = result.importance.shape
    total = columns if method.endswith("reverse") else rows
    for stage, all_of_them in (("generate", columns), ("attribute", total)):
        steps = [e for e in events if isinstance(e, Progress) and e.stage == stage]
        done = [each.done for each in steps]
        assert done[0] == 0
        assert done == sorted(done)
        assert (done[-1], steps[-1].total) == (all_of_them, all_of_them)
    by_column = method.endswith("reverse")
    assert steps[-1].detail == ("response tokens" if by_column else "prompt tokens")
    assert (result.method, result.passes_dtype, result.note) == (method, "float32", "")


def test_a_given_response_is_explained_as_it_is(explain: Explain) -> None:
    response = " Hello \x1b[1m wörld"
    result, events = explain(response=response)
    assert result.method in EXACT
    assert result.response == response
    assert "".join(result.response_tokens.texts).replace("<0xC3><0xB6>", "ö") == response
    assert {e.result.ended for e in events if isinstance(e, Partial)} == {"given"}
    assert result.ended == "given"
    assert result.importance.shape == (len(result.prompt_tokens), len(result.response_tokens))
    assert np.isfinite(result.importance).all()


def test_given_ids_are_explained_exactly_as_given(explain: Explain, loaded: LoadedModel) -> None:
    # Spelled by single bytes, as no tokenizer would spell it.
    ids = tuple(loaded.tokenizer.convert_tokens_to_ids(list("the")))
    result, _ = explain(response_ids=ids, response="something else")
    assert result.response_tokens.ids == ids
    assert (result.response, result.ended) == ("the", "given")
    expected = importance(loaded.model, result.prompt_tokens.ids, ids).numpy()
    np.testing.assert_allclose(result.importance, expected, rtol=1e-5, atol=1e-7)
    for token in (-1, 10**6):
        with pytest.raises(ProblemError, match="vocabulary"):
            explain(response_ids=(token,))


def test_another_model_s_response_keeps_its_tokens_unless_they_mean_others_here(
    explain: Explain, choice: ModelChoice, tmp_path: Path
) -> None:
    """One letter a token, as no tokenizer would cut it again."""
    ids = tuple(checkpoints.byte_level_tokenizer().convert_tokens_to_ids(list("cat")))
    for vocabulary, kept in ((None, True), (350, False)):
        sizes = {} if vocabulary is None else {"vocabulary": vocabulary}
        tokenizer = checkpoints.byte_level_tokenizer(**sizes)
        folder = tmp_path / f"writer-{vocabulary}"
        checkpoints.save(folder, checkpoints.llama(tokenizer), tokenizer)
        writer = ModelChoice(name="writer", location=str(folder), device="cpu")
        found, _ = explain(response="cat", response_ids=ids, written_by=writer)
        assert "".join(found.response_tokens.texts) == "cat"
        assert (found.response_tokens.ids == ids) == kept
        assert ("written by writer" in found.note) == (not kept)


def test_the_probabilities_of_the_response_are_kept(
    whole: Attribution, loaded: LoadedModel
) -> None:
    prompt, response = whole.prompt_tokens.ids, whole.response_tokens.ids
    with torch.no_grad():
        logits = loaded.model(torch.tensor([[*prompt, *response]])).logits[0].double()
    shares = logits.softmax(dim=-1)
    expected = [float(shares[len(prompt) + m - 1, each]) for m, each in enumerate(response)]
    np.testing.assert_allclose(whole.probabilities, expected, rtol=1e-4)


@pytest.mark.parametrize("method", ["forward", "reverse", "occlusion"])
def test_a_shorter_response_has_the_first_columns(explain: Explain, method: str) -> None:
    whole, _ = explain(method=method)
    short, _ = explain(method=method, response_ids=whole.response_tokens.ids[:5])
    cut = SaliencyMap.from_attribution(whole).beginning(5)
    alone = SaliencyMap.from_attribution(short)
    assert cut.importance is not None
    assert cut.totals is not None
    assert cut.moves is not None
    assert cut.response_tokens.ids == alone.response_tokens.ids
    scale = np.abs(short.importance).max()
    np.testing.assert_allclose(cut.importance, alone.importance, rtol=0, atol=1e-4 * scale)
    np.testing.assert_allclose(cut.totals, alone.totals, rtol=0, atol=1e-3 * scale)
    np.testing.assert_allclose(cut.moves, alone.moves, rtol=0, atol=1e-4 * scale)
    assert cut.moves_exact == (method == "occlusion")


def test_an_empty_response_has_an_empty_map(explain: Explain) -> None:
    for options in ({"response": ""}, {"response_ids": ()}, {"max_new_tokens": 0}):
        result, _ = explain(**options)
        assert result.importance.shape == (len(result.prompt_tokens), 0)
        assert len(result.response_tokens) == 0


def test_with_the_chat_template_the_template_is_explained_too(
    explain: Explain, whole: Attribution
) -> None:
    chat, _ = explain(response="ok", chat_template=True)
    assert len(chat.prompt_tokens) > len(whole.prompt_tokens)
    mine = [span for span in chat.prompt_tokens.spans if span is not None]
    assert (mine[0][0], mine[-1][1]) == (0, len(PROMPT))
    assert chat.importance.shape[0] == len(chat.prompt_tokens)


def test_a_text_beyond_the_context_window_is_refused_with_its_figure(explain: Explain) -> None:
    with pytest.raises(ProblemError) as caught:
        explain(prompt="Hello world " * 100)
    assert caught.value.problem.kind == "input"
    assert f"at most {CONTEXT_WINDOW}" in caught.value.problem.why
    with pytest.raises(ProblemError, match="the response"):
        explain(response="Hello " * 90)


def test_what_loading_left_out_is_said_in_the_result(choice: ModelChoice, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(choice.location, tmp_path / "value-head"))
    tensors = load_file(folder / "model.safetensors")
    tensors["v_head.summary.weight"] = torch.ones(1, 32)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    other = msgspec.structs.replace(choice, location=str(folder))
    assert "v_head.summary.weight" in answered(attribute(asked(other), ModelPool())).note


def test_a_response_stops_at_the_context_window(explain: Explain, loaded: LoadedModel) -> None:
    prompt = PROMPT + " the cat" * 20
    room = CONTEXT_WINDOW - len(tokenize(loaded.tokenizer, prompt))
    assert 0 < room < 60
    result, _ = explain(prompt=prompt, max_new_tokens=300)
    assert len(result.response_tokens) == room or result.ended == "end"


def test_closing_stops_and_leaves_the_model_usable(
    choice: ModelChoice, models: ModelPool, explain: Explain
) -> None:
    for stage in ("generate", "attribute"):
        steps = attribute(asked(choice), models)
        for event in steps:
            if isinstance(event, Progress) and event.stage == stage and event.done > 0:
                break
        steps.close()
        assert torch.is_grad_enabled()
    assert not np.isnan(explain()[0].importance).any()


def test_memory_that_runs_out_is_tried_once_more_without_other_models(
    choice: ModelChoice, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pool = ModelPool()
    tokenizer = checkpoints.byte_level_tokenizer()
    folder = checkpoints.save(tmp_path / "other", checkpoints.llama(tokenizer), tokenizer)
    answered(pool.get(ModelChoice(name="other", location=str(folder), device="cpu")))
    real = attribution_module.importance_pieces

    def crowded(*args: Any, **options: Any) -> Any:
        if len(pool.facts()) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(*args, **options)

    monkeypatch.setattr(attribution_module, "importance_pieces", crowded)
    result = answered(attribute(asked(choice), pool))
    assert not np.isnan(result.importance).any()
    assert [facts.name for facts in pool.facts()] == ["small"]


def test_memory_that_does_not_suffice_is_a_problem_with_figures(
    explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: Any, **__: Any) -> Any:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 8 GB")

    with monkeypatch.context() as patch:
        patch.setattr(attribution_module, "importance_pieces", exhausted)
        with pytest.raises(ProblemError) as caught:
            explain()
    assert caught.value.problem.kind == "memory"
    assert "free beside small" in caught.value.problem.why
    assert explain()[0].ended in ("end", "length")


def test_tokens_are_known_before_the_weights_are(choice: ModelChoice) -> None:
    pool = ModelPool()
    tokens = answered(tokenize_prompt(TokenizeRequest(choice, PROMPT), pool))
    assert "".join(tokens.texts) == PROMPT
    assert pool.facts() == ()


def test_a_result_survives_the_wire(whole: Attribution) -> None:
    back = decode(encode(whole), Attribution)
    np.testing.assert_array_equal(back.importance, whole.importance)
    np.testing.assert_array_equal(back.totals, whole.totals)
    np.testing.assert_array_equal(back.probabilities, whole.probabilities)
    same = msgspec.structs.replace(
        back,
        importance=whole.importance,
        totals=whole.totals,
        probabilities=whole.probabilities,
    )
    assert msgspec.structs.astuple(same) == msgspec.structs.astuple(whole)


def test_results_and_keys_from_before_are_still_good(whole: Attribution) -> None:
    """Without probabilities, which are then unknown, and without a word on who wrote."""
    stored = msgspec.msgpack.decode(encode(whole))
    del stored["probabilities"]
    back = decode(msgspec.msgpack.encode(stored), Attribution)
    assert not len(back.probabilities)
    assert SaliencyMap.from_attribution(back).unmoved_share is None
    request = AttributionRequest(ModelChoice("a", "/a"), "Hi.", response_ids=(1,))
    assert b"written_by" not in encode(request.in_key())
