"""The families of transformers' causal models whose weights cannot be taken apart, and why."""

from __future__ import annotations

_STATE = "Its layers keep a state (Mamba): they have neither heads nor feed-forward networks."
_ASSISTANT = "It drafts for a larger model, whose keys and values its layers use."
_AUDIO = "It has a text model and an audio model, and neither is the one stack of layers."

OUTSIDE: dict[str, str] = {
    "mamba": _STATE,
    "mamba2": _STATE,
    "falcon_mamba": _STATE,
    "hrm_text": "It goes through its two stacks again and again: no layer has a number of its own.",
    "blt": "It reads bytes in patches, by three networks: it is not one stack of layers.",
    "reformer": "Its layers carry two streams, and its output head reads both at once.",
    "gemma4_assistant": _ASSISTANT,
    "gemma4_unified_assistant": _ASSISTANT,
    "musicgen": _AUDIO,
    "musicgen_melody": _AUDIO,
}
"""By ``model_type``, of the model or of its text model."""
