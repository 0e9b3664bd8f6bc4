"""What a study is said to ask is what it asks, and what is stored of it counts."""

from __future__ import annotations

import json

import pytest

from analysis.methods import study_of
from analysis.models.request import ArchitectureRequest
from analysis.request import ModelChoice
from analysis.saliency.cases.prompt_sets import PromptSet, demo_prompts
from analysis.saliency.gather import AskedCases
from analysis.studies.outlook import Outlook, architecture_of
from analysis.studies.study import PairInput
from tests.support.scripted_session import ScriptedSession
from tests.support.scripted_weights import architecture
from tests.support.studies import KeepingSession, driven
from tests.support.weight_studies import BASE, TUNED, pair


@pytest.mark.parametrize("name", ["heads", "concepts"])
def test_of_weights_it_is_known_layer_by_layer(name):
    spec = study_of(name)
    given = pair()
    session = given.session
    assert spec.look_ahead(given) is None
    session.keep(ArchitectureRequest(BASE), architecture(ArchitectureRequest(BASE)))
    ahead = spec.look_ahead(given)
    driven(spec.start(given))
    asked = [each for each in session.requests if not isinstance(each, ArchitectureRequest)]
    assert sorted(map(repr, ahead.missing)) == sorted(map(repr, asked))
    assert (ahead.asked, ahead.kept) == (len(asked), 0)
    for request in asked[:5]:
        session.keep(request, object())
    assert spec.look_ahead(given).kept == 5


@pytest.mark.parametrize("name", ["density", "position"])
def test_of_cases_it_counts_what_is_asked_about_responses_too(name):
    spec, store = study_of(name), {}
    prompts = PromptSet("set", demo_prompts().prompts[:30], "digest")
    given = AskedCases(KeepingSession(store), BASE, TUNED, prompts)
    nothing = spec.look_ahead(given)
    assert (nothing.asked, nothing.kept, len(nothing.missing)) == (120, 0, 120)
    study = spec.start(given)
    while len(store) < 90:
        next(study)
    study.close()
    # The base model has still to explain the tuned one's responses: a quarter.
    assert spec.look_ahead(given).kept == 90
    driven(spec.start(given))
    assert spec.look_ahead(given).kept == 120


def test_what_depends_on_answers_is_priced_like_others():
    found = Outlook(4, 1, ("a", "b", "c")).with_others(8, 6, like=("x", "y"))
    assert (found.asked, found.kept) == (12, 7)
    assert found.missing == ("a", "b", "c", "x", "y")


def test_a_model_that_was_never_opened_is_known_by_its_configuration(tmp_path):
    from tests.support import checkpoints

    tokenizer = checkpoints.byte_level_tokenizer()
    checkpoints.save(tmp_path / "model", checkpoints.llama(tokenizer), tokenizer)
    config = json.loads((tmp_path / "model/config.json").read_text())
    model = ModelChoice("model", str(tmp_path / "model"))
    built = architecture_of(PairInput(ScriptedSession(), model, model))
    assert built.layers == config["num_hidden_layers"]
    assert built.heads == config["num_attention_heads"]
