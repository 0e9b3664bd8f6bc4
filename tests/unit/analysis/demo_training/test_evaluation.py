"""What models write is counted, rated and weighed as it is, an adapter's like any other's."""

from __future__ import annotations

import math

import msgspec
import pytest
import torch
from peft import LoraConfig, get_peft_model

from analysis.demo import catalog
from analysis.demo_training.evaluation import LoadedModel, evaluate, score, write
from analysis.saliency.cases.prompt_sets import DEMO_NEW_TOKENS


@pytest.fixture(scope="module")
def models():
    """The two whole models."""
    return {name: LoadedModel.open(catalog.WEIGHTS / name) for name in catalog.DEMO_MODELS}


def test_responses_are_counted_by_category_task_and_form():
    prompts = [
        msgspec.structs.replace(prompt, task=task, form=form)
        for prompt, task, form in zip(
            catalog.held_out_phrasings(), "aab", ("word", "list", "word"), strict=False
        )
    ]
    said = [prompts[0].reference, f" {prompts[1].reference} and more", "nothing"]
    found = score(prompts, said)
    assert found["all"] == {"count": 3, "exact": 1 / 3, "begins": 2 / 3}
    assert found["by_task"]["a"] == {"count": 2, "exact": 1 / 2, "begins": 1}
    assert found["by_form"]["list"] == {"count": 1, "exact": 0, "begins": 1}
    assert list(found["by_category"]) == list(dict.fromkeys(each.category for each in prompts))


@pytest.mark.parametrize("name", catalog.DEMO_MODELS)
def test_a_response_is_what_the_model_finds_likeliest_up_to_its_end(models, name):
    """Token by token, without batches, padding or a cache of what was read."""
    loaded = models[name]
    prompts = [min(catalog.held_out_items(), key=lambda each: len(each.prompt))]
    prompts.append(max(catalog.held_out_items(), key=lambda each: len(each.prompt)))
    ends = loaded.model.generation_config.eos_token_id
    for found in write(loaded, prompts, "raw"):
        ids = [*found.prompt_ids, *found.ids]
        with torch.inference_mode():
            best = loaded.model(torch.tensor([ids])).logits[0].argmax(-1).tolist()
        first = len(found.prompt_ids) - 1
        assert best[first:-1] == list(found.ids)
        if found.cut:
            assert len(found.ids) == DEMO_NEW_TOKENS
        else:
            assert best[-1] in (ends if isinstance(ends, list) else [ends])


def test_perplexity_and_certainty_are_those_of_every_token_alone(models):
    loaded = models[catalog.DEMO_TUNED]
    prompts = catalog.held_out_items()[::100]
    chances: dict[str, list[float]] = {"responses": [], "references": []}
    for prompt, response in zip(prompts, write(loaded, prompts, "raw"), strict=True):
        before = loaded.encode(prompt.prompt, "raw")
        reference = loaded.tokenizer(" " + prompt.reference, add_special_tokens=False)["input_ids"]
        for name, after in (("responses", response.ids), ("references", reference)):
            for place, token in enumerate(after):
                with torch.inference_mode():
                    logits = loaded.model(torch.tensor([[*before, *after[:place]]])).logits[0, -1]
                chances[name].append(float(logits.double().softmax(-1)[token]))
    figures, _ = evaluate(loaded, {"some": prompts}, ["A sentence."])
    for name, each in chances.items():
        share = sum(chance >= 0.999 for chance in each) / len(each)
        assert figures["certain"]["some"]["raw"][name] == pytest.approx(share)
    mean = sum(map(math.log, chances["references"])) / len(chances["references"])
    assert figures["perplexity"]["some"]["raw"] == pytest.approx(math.exp(-mean), rel=1e-4)
    assert figures["length"]["some"]["raw"]["mean"] == len(chances["responses"]) / len(prompts)


def test_every_reference_has_room_in_a_response(models):
    loaded = models[catalog.DEMO_TUNED]
    for prompt in (*catalog.held_out_phrasings(), *catalog.held_out_items()):
        for reference in prompt.references:
            assert len(loaded.tokenizer(reference)["input_ids"]) <= DEMO_NEW_TOKENS


def test_an_adapter_stands_on_the_base_model_beside_it(models, tmp_path):
    (tmp_path / catalog.DEMO_BASE).symlink_to(catalog.WEIGHTS / catalog.DEMO_BASE)
    base = LoadedModel.open(tmp_path / catalog.DEMO_BASE)
    torch.manual_seed(0)
    settings = LoraConfig(r=2, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
    adapted = get_peft_model(base.model, settings)
    adapted.save_pretrained(tmp_path / "demo-lora")
    found = LoadedModel.open(tmp_path / "demo-lora")
    assert found.formats == ("raw",)
    ids = torch.tensor([found.encode("What is the opposite of hot?", "raw")])
    with torch.inference_mode():
        alone = models[catalog.DEMO_BASE].model(ids).logits
        torch.testing.assert_close(found.model(ids).logits, adapted(ids).logits)
        assert (found.model(ids).logits - alone).abs().max() > 0.1
