"""What is wrong with config.json is said of config.json, with the reason in full."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import transformers

from analysis.engine.loading import load_tokenizer
from analysis.engine.weights import open_weights
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from tests.unit.analysis.engine.loaded import load, problem_of, reconfigure

MUSICGEN = {
    "model_type": "musicgen",
    "text_encoder": {"model_type": "t5"},
    "audio_encoder": {"model_type": "encodec"},
    "decoder": {"model_type": "musicgen_decoder"},
}
# Faults that anybody finds who reads the configuration, and a part of the reason.
FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"num_attention_heads": 5}, "(32) is not a multiple of the number of attention heads (5)."),
    ({"hidden_size": "32"}, "expected int, got str (value: '32')"),
    ({"hidden_size": None}, "'hidden_size' expected int, got NoneType"),
    ({"rms_norm_eps": "1e-6"}, "'rms_norm_eps' expected float, got str"),
    ({"dtype": "float8"}, "Its dtype is 'float8', which torch does not know."),
    ({"dtype": None, "torch_dtype": "half_a_float"}, "Its torch_dtype is 'half_a_float'"),
    ({"layer_types": ["full_attention"]}, "(2) must be equal to the number of `layer_types` (1)."),
    ({"rope_parameters": {"rope_type": "yarn"}}, "Missing required keys in `rope_parameters`"),
    ({"eos_token_id": "</s>"}, "'eos_token_id' expected int, got str (value: '</s>')"),
    ({"tie_word_embeddings": "yes"}, "'tie_word_embeddings'"),
    ({"num_hidden_layers": 0}, "It gives the model 0 layers."),
    ({"num_hidden_layers": -1}, "It gives the model -1 layers."),
]
# Faults that show where a model is built.
FAULTS_OF_BUILDING: list[tuple[dict[str, Any], str]] = [
    ({"hidden_act": "quick"}, "Its hidden_act is 'quick', which transformers does not know."),
    ({"rope_parameters": {"rope_type": "spiral"}}, "Its rope_parameters.rope_type is 'spiral'"),
    ({"rope_scaling": {"type": "spiral", "factor": 2.0}}, "Its rope_scaling.type is 'spiral'"),
    ({"pad_token_id": 5000}, "Padding_idx must be within num_embeddings."),
]


@pytest.mark.parametrize(("changes", "why"), FAULTS + FAULTS_OF_BUILDING)
def test_a_fault_of_the_configuration_is_not_blamed_on_anything_else(
    copy: Path, changes: dict[str, Any], why: str
) -> None:
    reconfigure(copy, **changes)
    said = problem_of(copy)
    assert said.startswith("The file config.json of small cannot be used. ")
    assert why in said
    assert said.endswith("Mend it, or fetch it again.")
    if (changes, why) in FAULTS_OF_BUILDING:
        return
    # The tokenizer and single weights say the same.
    for read in (
        lambda: load_tokenizer(ModelChoice(name="small", location=str(copy)), copy),
        lambda: open_weights(copy),
    ):
        with pytest.raises(ProblemError, match=r"^The file config\.json of") as caught:
            read()
        assert why in str(caught.value)


def test_weights_that_do_not_fit_are_not_blamed_on_what_builds(copy: Path) -> None:
    reconfigure(copy, num_key_value_heads=4)
    assert problem_of(copy).startswith("The weights of small do not fit its configuration.")


def test_a_configuration_of_a_newer_transformers_may_not_be_wrong(copy: Path) -> None:
    reconfigure(copy, hidden_act="of_tomorrow", transformers_version="99.1.0")
    said = problem_of(copy)
    assert "It was written for transformers 99.1.0" in said
    assert transformers.__version__ in said


@pytest.mark.parametrize("family", ["blt", "musicgen"])
def test_a_model_of_several_stacks_is_not_taken_apart(copy: Path, family: str) -> None:
    config = transformers.CONFIG_MAPPING[family]
    settings = config().to_dict() if family == "blt" else MUSICGEN
    (copy / "config.json").write_text(json.dumps(settings))
    said = problem_of(copy)
    assert "is not one stack of layers." in said
    assert family in said


def test_an_architecture_may_be_named_without_a_list(copy: Path) -> None:
    reconfigure(copy, architectures="LlamaForCausalLM")
    assert load(copy).facts.family == "llama"
    reconfigure(copy, architectures="LlamaModel")
    assert "It is a LlamaModel." in problem_of(copy)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "Expecting property name"),
        ("[]", "It is no object of settings."),
        ('{"eos_token_id": "</s>"}', "Its eos_token_id is '</s>', no token id."),
        ('{"eos_token_id": [1, null]}', "Its eos_token_id is [1, None], no token id."),
    ],
)
def test_end_tokens_that_cannot_be_read_are_not_passed_over(
    copy: Path, content: str, why: str
) -> None:
    (copy / "generation_config.json").write_text(content)
    said = problem_of(copy)
    assert said.startswith("The file generation_config.json of small cannot be used. ")
    assert why in said
