"""However little memory there is, the numbers are the same."""

import importlib
import json
import subprocess
import sys

import pytest
import torch

from analysis.saliency.compute import attention
from analysis.saliency.compute.cost import Plan
from analysis.saliency.compute.importance import importance
from analysis.saliency.compute.tape import Tape
from tests.support.small_models import CONFIGURATIONS, small_model
from tests.unit.analysis.saliency.compute.reference import (
    EXACT,
    METHODS,
    PROMPT,
    RESPONSE,
    assert_close,
    ran,
    reference,
)

# The modules, which the functions of the same names hide.
occlusion = importlib.import_module("analysis.saliency.compute.occlusion")
reverse_mode = importlib.import_module("analysis.saliency.compute.reverse")


@pytest.mark.parametrize("family", CONFIGURATIONS)
def test_both_ways_equal_the_reference_with_no_memory_to_spare(family):
    expected = reference(small_model(family, dtype=torch.float64), PROMPT, RESPONSE)
    for method in EXACT:
        computed = importance(small_model(family), PROMPT, RESPONSE, method=method, memory_budget=1)
        assert_close(computed, expected)


@pytest.mark.parametrize("family", CONFIGURATIONS)
def test_a_long_text_read_in_many_blocks_equals_the_reference(family, monkeypatch):
    prompt = PROMPT * 3
    expected = reference(small_model(family, dtype=torch.float64), prompt, RESPONSE)
    monkeypatch.setattr(Plan, "blocks", lambda self: (5, 12, 25, len(prompt) - 1, 36, self.length))
    monkeypatch.setattr(attention, "_QUERIES", 3)
    for taped in (True, False):
        monkeypatch.setattr(Plan, "taped", lambda self, taped=taped: taped)
        computed = importance(small_model(family), prompt, RESPONSE, method="forward")
        assert_close(computed, expected)


@pytest.mark.parametrize("method", ["occlusion", "occlusion_zeroed"])
def test_occlusion_is_the_same_one_row_at_a_time(method):
    model = small_model("llama")
    one = importance(model, PROMPT, RESPONSE, method=method, memory_budget=1)
    torch.testing.assert_close(one, importance(model, PROMPT, RESPONSE, method=method))


def test_a_model_that_forgets_what_it_read_is_not_read_in_blocks(monkeypatch):
    expected = importance(small_model("llama"), PROMPT, RESPONSE, method="reverse")
    model = small_model("llama")
    whole = model.model.forward

    def forgetful(*args, past_key_values=None, attention_mask=None, **options):
        return whole(*args, **options)

    monkeypatch.setattr(model.model, "forward", forgetful)
    assert ran(model, PROMPT, RESPONSE, method="forward").method == "forward"
    assert_close(importance(model, PROMPT, RESPONSE, method="forward"), expected)


EXHAUSTED = torch.OutOfMemoryError("CUDA out of memory")


def assert_goes_on(model, method, expected, note):
    """With the same numbers, and says how."""
    torch.testing.assert_close(importance(model, PROMPT, RESPONSE, method=method), expected)
    facts = ran(model, PROMPT, RESPONSE, method=method)
    assert facts.method == method
    assert note in facts.note


def test_forward_mode_halves_its_batch_and_goes_on(monkeypatch):
    model = small_model("llama")
    expected = importance(model, PROMPT, RESPONSE, method="forward")
    player_along = Tape.player_along

    def crowded_player(self, seeds):
        play = player_along(self, seeds)

        def crowded(which, tangents):
            if len(tangents) > 2:
                raise EXHAUSTED
            return play(which, tangents)

        return crowded

    monkeypatch.setattr(Tape, "player_along", crowded_player)
    assert_goes_on(model, "forward", expected, "2 prompt tokens at a time")


def test_occlusion_halves_its_batch_and_goes_on(monkeypatch):
    # However slow the machine is, batches are as large as memory allows.
    monkeypatch.setattr(occlusion, "_BATCH_S", None)
    model = small_model("llama")
    expected = importance(model, PROMPT, RESPONSE, method="occlusion")

    def crowded(_module, args):
        if len(args[0]) > 3:
            raise EXHAUSTED

    model.model.embed_tokens.register_forward_pre_hook(crowded)
    assert_goes_on(model, "occlusion", expected, "prompt tokens at a time")


def test_reverse_mode_keeps_less_of_the_graph_and_goes_on(monkeypatch):
    model = small_model("llama")
    expected = importance(model, PROMPT, RESPONSE, method="reverse")
    opened = reverse_mode._opened

    def crowded(*args, sparing, **options):
        if not sparing:
            raise EXHAUSTED
        return opened(*args, sparing=sparing, **options)

    monkeypatch.setattr(reverse_mode, "_opened", crowded)
    assert_goes_on(model, "reverse", expected, "one layer")


@pytest.mark.parametrize("method", METHODS)
def test_memory_that_does_not_suffice_for_one_is_an_error(method):
    model = small_model("llama")

    def fail(*_):
        raise EXHAUSTED

    model.model.layers[1].mlp.register_forward_hook(fail)
    with pytest.raises(torch.OutOfMemoryError):
        importance(model, PROMPT, RESPONSE, method=method)


GPT2 = """
import json, os, resource, sys, threading
import torch
from transformers import GPT2Config, GPT2LMHeadModel
from analysis.saliency.compute.importance import importance_pieces, totals

sizes, cases = json.loads(sys.argv[1]), json.loads(sys.argv[2])
torch.manual_seed(0)
ends = {"bos_token_id": None, "eos_token_id": None}
model = GPT2LMHeadModel(GPT2Config(n_positions=2048, **ends, **sizes)).eval()
ids = torch.randint(0, model.config.vocab_size, (2048,)).tolist()


def resident():
    # Without libraries: a fork finds them there as it comes to use them.
    _, pages, shared, *_ = map(int, open("/proc/self/statm").read().split())
    return (pages - shared) * resource.getpagesize()


def measure(method, count, gibibytes):
    budget = int(gibibytes * (1 << 30))
    prompt, response = ids[:count], ids[count:]
    with torch.no_grad():
        model(torch.tensor([ids[:8]]))
    before, highest, done = resident(), 0, threading.Event()

    def watch():
        nonlocal highest
        while not done.wait(0.005):
            highest = max(highest, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    if method == "totals":
        rows, columns = slice(None), None
        found = totals(model, prompt, response, memory_budget=budget)
    else:
        pieces = importance_pieces(model, prompt, response, method=method, memory_budget=budget)
        piece = next(pieces)
        pieces.close()
        # The piece's first column.
        found, rows, columns = piece.values[:, 0], piece.rows, piece.columns.start
    done.set()
    watcher.join()

    # What one backward pass gives.
    model.requires_grad_(False)
    seen = ids[:-1] if columns is None else ids[: count + columns]
    embeddings = model.transformer.wte(torch.tensor([seen])).requires_grad_()
    states = model.transformer(inputs_embeds=embeddings, use_cache=False)[0][0, count - 1 :]
    answered = torch.tensor(response if columns is None else response[: columns + 1])
    chosen = model.lm_head(states).log_softmax(1).gather(1, answered[:, None])[:, 0]
    (chosen.sum() if columns is None else chosen[-1]).backward()
    expected = (embeddings * embeddings.grad)[0, :count].sum(-1)
    difference = (found - expected[rows]).abs().max() / expected.abs().max()
    print(json.dumps([method, (highest - before) / budget, float(difference)]), flush=True)


# Each in a process of its own, whose memory nothing has used before; what they import is shared.
for case in cases:
    child = os.fork()
    if child == 0:
        measure(*case)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""
# Method, tokens of the prompt, and a budget in gibibytes. Without one the small model would take
# 0.20, 0.86 and 0.28.
FULL_SIZE = {}, [("reverse", 2040, 2.0), ("forward", 2, 2.0), ("totals", 1024, 0.75)]
SMALL = (
    {"n_layer": 3, "n_embd": 192, "n_head": 6, "vocab_size": 8000},
    [("reverse", 2040, 0.15), ("forward", 2, 0.45), ("totals", 1024, 0.15)],
)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_2048_tokens_of_a_model_stay_within_the_budget(pytestconfig):
    """With ``--full-size`` of one with 124 million parameters."""
    sizes, cases = FULL_SIZE if pytestconfig.getoption("--full-size") else SMALL
    command = [sys.executable, "-c", GPT2, json.dumps(sizes), json.dumps(cases)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    measured = [json.loads(line) for line in shown.splitlines()]
    assert [method for method, *_ in measured] == [method for method, *_ in cases]
    assert [method for method, share, _ in measured if share > 1] == []
    assert [method for method, _, difference in measured if difference > 1e-4] == []
