"""Whether a network looks ahead is found by trying it."""

import pytest
import torch
from transformers import BertConfig, BertLMHeadModel, XLNetConfig, XLNetLMHeadModel

from analysis.engine.causality import refuse_looking_ahead
from analysis.problems import ProblemError
from analysis.saliency.compute.importance import importance, totals
from tests.support.small_models import CONFIGURATIONS, small_model

SMALL = {
    "vocab_size": 97,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
}


def bert(*, decoder):
    torch.manual_seed(0)
    return BertLMHeadModel(BertConfig(**SMALL, is_decoder=decoder)).eval()


def xlnet():
    torch.manual_seed(0)
    return XLNetLMHeadModel(XLNetConfig(vocab_size=97, d_model=32, n_layer=2, n_head=4)).eval()


def both_ways(family):
    """A decoder whose configuration lifts the mask, whatever its class is called."""
    model = small_model(family)
    model.config.is_causal = False
    for module in model.modules():
        if hasattr(module, "is_causal"):
            module.is_causal = False
    return model


def averaging():
    """A decoder that subtracts the mean over all positions: no attention, no mask."""
    model = small_model("llama")
    model.model.norm.register_forward_hook(lambda _, args, out: out - out.mean(dim=1, keepdim=True))
    return model


@pytest.mark.parametrize("family", CONFIGURATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_decoders_pass(family, dtype):
    refuse_looking_ahead(small_model(family, dtype=dtype), range(40))
    refuse_looking_ahead(small_model(family, dtype=dtype), [5])


def test_a_bert_passes_as_a_decoder_only():
    refuse_looking_ahead(bert(decoder=True), range(40))
    with pytest.raises(ProblemError, match="BertLMHeadModel is not a causal language model"):
        refuse_looking_ahead(bert(decoder=False), range(40))


@pytest.mark.parametrize("made", [lambda: both_ways("gemma3_text"), xlnet, averaging])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_ways_to_look_ahead_are_found(made, dtype):
    with pytest.raises(ProblemError, match="not a causal language model"):
        refuse_looking_ahead(made().to(dtype), range(40), name="some/model")


def test_nothing_is_explained_of_a_network_that_looks_ahead():
    for compute in (importance, totals):
        with pytest.raises(ProblemError, match="not a causal language model"):
            compute(averaging(), [5, 6, 7], [8, 9])


def test_a_network_that_rolls_dice_is_called_that():
    model = small_model("llama")
    model.model.norm.register_forward_hook(lambda _, args, out: out + torch.rand(out.shape))
    with pytest.raises(ProblemError, match="other numbers every time"):
        refuse_looking_ahead(model, range(40))


def test_a_network_that_looks_ahead_in_long_texts_only_is_found():
    model = small_model("llama")

    def far(_module, _args, output):
        if output.shape[1] <= 40:
            return output
        return output - output.mean(dim=1, keepdim=True)

    model.model.layers[0].mlp.register_forward_hook(far)
    refuse_looking_ahead(model, range(40))
    assert importance(model, [5] * 20, [8, 9, 10]).isfinite().all()
    with pytest.raises(ProblemError, match="not a causal language model"):
        importance(model, [5] * 40, list(range(50, 60)), method="forward")
