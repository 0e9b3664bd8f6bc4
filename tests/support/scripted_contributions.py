"""What the scripted session answers about contributions and patching: round numbers."""

from __future__ import annotations

import numpy as np

from analysis.contributions.request import ContributionsRequest
from analysis.contributions.result import Contributions, Parts
from analysis.models.tokens import Tokens
from analysis.patching.request import PatchingRequest
from analysis.patching.result import Patching, Said

LAYERS, HEADS = 4, 4


def contributions(request: ContributionsRequest, prompt: Tokens) -> Contributions:
    """Head h of layer l adds l + h / 10, ten times that in a tuned model; networks add 0.5.

    A head takes all of it from the prompt's last token. Each layer lists neurons 7 and 3.
    """
    tuned = "tuned" in request.model.name
    layers, heads = np.meshgrid(np.arange(LAYERS), np.arange(HEADS), indexing="ij")
    added = ((layers + heads / 10) * (10 if tuned else 1)).astype(np.float32)
    none = np.zeros(LAYERS, np.float32)
    parts = Parts(0.25, added, none, np.full(LAYERS, 0.5, np.float32), none, 0.0)
    read = len(prompt) + len(request.response_ids)
    words = np.zeros((LAYERS, HEADS, read), np.float32)
    words[:, :, len(prompt) - 1] = added
    neurons = np.tile(np.array([7, 3], np.int32), (LAYERS, 1))
    two = np.tile(np.array([2.0, -1.0], np.float32), (LAYERS, 1))
    return Contributions(
        model=request.model.name,
        prompt=request.prompt,
        prompt_tokens=prompt,
        response_tokens=Tokens((), (), ()),
        token=request.token or 0,
        token_text=" yes",
        rival=request.rival,
        rival_text="" if request.rival is None else " no",
        logit=parts.total,
        capped_logit=None,
        log_p=-0.5,
        entropy=1.0,
        direct=parts,
        centred=parts,
        left_over=0.0,
        words=words,
        neurons=neurons,
        activations=two,
        neuron_contributions=two / 4,
        components=np.tile(np.array([5, 6], np.int32), (LAYERS, 1)),
        cosines=two / 10,
    )


def patching(request: PatchingRequest) -> Patching:
    """Base prefers its token by 2, tuned its own by 2; the choice turns half way up."""
    points = LAYERS + 1 if request.part == "stream" else LAYERS
    ramp = np.linspace(-2, 2, points, dtype=np.float32)
    difference = np.stack([ramp, ramp[::-1]])
    none = Tokens((1,), ("<s>",), (None,))
    return Patching(
        base=request.base.name,
        tuned=request.tuned.name,
        prompt=request.prompt,
        prompt_tokens=(none, none),
        response_tokens=Tokens((), (), ()),
        part=request.part,
        tokens=request.tokens or (1, 0),
        texts={"0": " yes", "1": " no"},
        alone=_said(np.array([-2, 2], np.float32)),
        patched=_said(difference),
        layers=LAYERS,
        identity=np.zeros(2, np.float32),
        cached=np.zeros(2, np.float32),
    )


def _said(difference: np.ndarray) -> Said:
    log_p = np.full((*difference.shape, 2), -1.0, np.float32)
    return Said(difference, log_p, (difference < 0).astype(np.int32))
