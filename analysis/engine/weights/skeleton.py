"""transformers' own model of a configuration, without its weights: which parts it has, how wide.

A loaded model is its own skeleton. Names, shapes, sizes of heads and ties are read off it instead
of being derived from settings that every family calls otherwise.
"""

from __future__ import annotations

from collections import OrderedDict
from copy import deepcopy
from typing import TYPE_CHECKING, Any, cast

import torch
import transformers
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    PreTrainedConfig,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Base and tuned model, and one more; a configuration is asked for once a layer.
_KEPT = 3
_built: OrderedDict[str, PreTrainedModel] = OrderedDict()


def skeleton(config: PreTrainedConfig) -> PreTrainedModel:
    """The model on the meta device, where it takes neither memory nor much time.

    Args:
        config: Of a text model, or of a model that has one.

    Raises:
        Exception: Of any type, where transformers cannot build it.
    """
    key = f"{type(config).__name__} {config.to_json_string(use_diff=False)}"
    if key not in _built:
        _built[key] = _build(config)
        while len(_built) > _KEPT:
            _built.popitem(last=False)
    _built.move_to_end(key)
    return _built[key]


def _build(config: PreTrainedConfig) -> PreTrainedModel:
    text = config.get_text_config()
    try:
        return _on_meta(_class(config), config)
    except (ImportError, ValueError):
        # What the eyes or ears of a model need may be missing; its text model is enough here.
        if text is config:
            raise
        return _on_meta(AutoModelForCausalLM, text)


def _class(config: PreTrainedConfig) -> Any:
    """What transformers would load: a causal model, or what the configuration names."""
    if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING:
        return AutoModelForCausalLM
    named = (getattr(transformers, each, None) for each in config.architectures or ())
    own = (each for each in named if getattr(each, "config_class", None) is type(config))
    return next(own, AutoModelForImageTextToText)


def _on_meta(made: Any, config: PreTrainedConfig) -> PreTrainedModel:
    make = getattr(made, "from_config", None) or made._from_config
    # Some draw random numbers on the CPU all the same.
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        return cast("PreTrainedModel", make(deepcopy(config)).eval())
