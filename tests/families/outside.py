"""The types of which nobody can have a map, or not the usual one, each with the reason.

Every entry is tried: once transformers, or the type, does what it is said not to do, a test fails.
"""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """Why a type is outside, and what shows it.

    Attributes:
        words: For people.
        error: Part of what transformers says when it is tried.
    """

    words: str
    error: str


_ASSISTANT = Reason(
    "drafts for a larger model, whose keys and values it needs",
    "set of layer types producing a cache is different",
)
_AUDIO = Reason("reads the codebooks of sounds, and its class another configuration", "dropout")

CANNOT_RUN: dict[str, Reason] = {
    "gemma3n": Reason("its eyes are from the package timm, which is no dependency", "timm"),
    "gemma4_assistant": _ASSISTANT,
    "gemma4_unified_assistant": _ASSISTANT,
    "musicgen": _AUDIO,
    "musicgen_melody": _AUDIO,
}
"""Types that cannot be built, or whose forward pass on token ids alone fails."""

SEES_AHEAD: dict[str, str] = {
    "cpmant": "puts a prompt of its own before the text and attends both ways",
    "doge, mixture of experts": "mixes up the routing of positions, as transformers itself says",
    "gemma3_text, both ways": "is told so, as models that embed are",
    "llama, both ways": "is told so, as models that embed are",
    "prophetnet": "mixes up the relative positions of its streams in a short text",
    "reformer": "hashes positions of the whole text into buckets",
}
"""Where a later token, or that there is one, changes what is said at an earlier one."""

ENCODERS = (
    *("bert", "bert-generation", "big_bird", "camembert", "data2vec-text", "electra", "ernie"),
    *("megatron-bert", "rembert", "roberta", "roberta-prelayernorm", "roc_bert", "roformer"),
    *("xlm-roberta", "xlm-roberta-xl", "xmod"),
)
"""Types that read both ways unless they are told to decode."""

TOLD_TO_DECODE: dict[str, tuple[str, object]] = {
    **dict.fromkeys(ENCODERS, ("is_decoder", False)),
    "xlm": ("causal", False),
    "xlnet": ("attn_type", "bi"),
}
"""Types that see both ways unless their configuration says otherwise: the usual value."""

MAY_BE_REFUSED: dict[str, str] = {
    "hrm_text": "stops its own gradient inside: backward passes give another derivative",
    "xlnet": "puts positions before sequences, and cannot read several texts at once",
}
"""Types that run and are causal, for which a refusal in words is right, too."""

CUTS_ITS_GRADIENT = frozenset({"hrm_text"})
"""Of those, where no backward pass finds the derivative: there it is taken from differences."""

_OWN_POSITIONS = "generate() counts positions from 0, its own forward pass from after the padding"

GENERATES_OTHERWISE: dict[str, str] = {
    "camembert": _OWN_POSITIONS,
    "data2vec-text": _OWN_POSITIONS,
    "doge": "equal tokens tie in its mask; how that ends depends on what a pass reads",
    "roberta": _OWN_POSITIONS,
    "roberta-prelayernorm": _OWN_POSITIONS,
    "xlm": "generate() appends a mask token to what it reads",
    "xlm-roberta": _OWN_POSITIONS,
    "xlm-roberta-xl": _OWN_POSITIONS,
    "xlnet": "generate() appends a token, and asks for what is in its place",
    "xmod": _OWN_POSITIONS,
}
"""Types whose ``generate`` says another text than the most probable token after a plain pass.

The maps explain the plain pass, so that either response will do.
"""
