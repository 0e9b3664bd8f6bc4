"""A tiny model of random weights of every model type that transformers calls a causal one."""

from __future__ import annotations

import copy
from typing import Any

import torch
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from tests.families.overrides import OWN, VARIANTS
from tests.families.sizes import small

TYPES = tuple(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
"""All model types, in the order of transformers."""

NAMES = (*TYPES, *VARIANTS)
"""What there is a tiny model of: the types, and variants of some."""

# Parameters that keep a recurrence from dying out or blowing up: they are moved a little.
_SENSITIVE = ("A_log", "dt", "time_", "recurrent_param", "gate_bias", "alpha_")


def configuration(name: str) -> PreTrainedConfig:
    """The small configuration of a type or of a variant of one."""
    if name in VARIANTS:
        model_type, otherwise = VARIANTS[name]
        return small(model_type, {**OWN.get(model_type, {}), **otherwise})
    return small(name, OWN.get(name, {}))


def tiny(name: str, **otherwise: Any) -> PreTrainedModel:
    """A new model, float32, in evaluation mode, that differs in every weight from its usual start.

    Args:
        name: One of `NAMES`.
        otherwise: Attributes of the configuration to be set.

    Raises:
        Exception: Of any type, where transformers cannot build it.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = configuration(name)
        for attribute, value in otherwise.items():
            setattr(made, attribute, value)
        model: PreTrainedModel = AutoModelForCausalLM.from_config(made)
        ends = {id(each.weight) for each in _ends(model)}
        with torch.no_grad():
            for parameter, weight in model.named_parameters():
                noise = torch.randn(weight.shape)
                if weight.dim() < 2 or any(part in parameter for part in _SENSITIVE):
                    weight.add_(noise, alpha=0.1)
                else:
                    # Embeddings smaller than what the layers add: a tied head would say again and
                    # again the token that it has read last.
                    weight.copy_((0.1 if id(weight) in ends else 0.2) * noise)
            for table in (each for name, each in model.named_buffers() if "tid2eid" in name):
                # Which experts a token is for; all for the first ones unless told.
                table.random_(0, made.n_routed_experts)
    # Without the sampling settings of a configuration, and without an end.
    model.generation_config = GenerationConfig(eos_token_id=-1, pad_token_id=0)
    return model.eval()


def exact(model: PreTrainedModel) -> PreTrainedModel:
    """A copy in float64, with kernels that are written out."""
    copied = copy.deepcopy(model).double()
    copied.set_attn_implementation("eager")
    copied.set_experts_implementation("eager")
    return copied


def _ends(model: PreTrainedModel) -> list[torch.nn.Module]:
    ends = [model.get_input_embeddings(), model.get_output_embeddings()]
    return [each for each in ends if isinstance(getattr(each, "weight", None), torch.Tensor)]
