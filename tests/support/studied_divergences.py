"""Divergences made by a script: what two models might say at every place of a response."""

from __future__ import annotations

import zlib

import numpy as np

from analysis.divergence.request import DivergenceRequest
from analysis.divergence.result import Divergence
from analysis.models.tokens import Tokens
from tests.support.scripted_session import word_tokens

PIECES = (" The", " capit", "al", " is", " 12", ".", "\n", "**", " It", "’s", " fine", "<b>")
END_ID = 50


def divergence(request: DivergenceRequest) -> Divergence:
    """An answer that depends on the models' names, the prompt and whose response it is.

    A model's own response is whole in two of three cases, and 1 to 40 tokens long.
    """
    whose = "given" if request.response is not None else request.writer
    key = f"{request.base.name} {request.tuned.name} {request.prompt} {whose}"
    drawn = np.random.default_rng(zlib.crc32(key.encode()))
    length = int(drawn.integers(1, 41))
    ended = whose != "given" and bool(drawn.integers(3))
    places = length + ended
    texts = tuple(PIECES[each] for each in drawn.integers(0, len(PIECES), length))
    ends = np.cumsum([len(each) for each in texts]).tolist()
    spans = tuple(zip([0, *ends[:-1]], ends, strict=True))
    choices = drawn.integers(0, 3, (2, places, 8)).astype(np.int32)
    choices[:, -1, 0] = END_ID
    log_p = -drawn.exponential(1.0, (2, places)).astype(np.float32)
    return Divergence(
        base=request.base.name,
        tuned=request.tuned.name,
        prompt=request.prompt,
        prompt_tokens=(word_tokens(request.prompt), word_tokens(request.prompt)),
        response="".join(texts),
        response_tokens=Tokens(tuple(range(length)), texts, spans),
        writer=whose,
        ended=ended,
        log_p=log_p,
        kl=drawn.exponential(1.0, places).astype(np.float32),
        choices=choices,
        choice_log_p=-drawn.exponential(1.0, (2, 2, places, 8)).astype(np.float32),
        texts={**{str(each): f" word{each}" for each in range(3)}, str(END_ID): "</s>"},
        ends=((END_ID,), (END_ID,)),
        notes=("It is made up.",),
        seconds=0.1,
        device="cpu",
        dtype="float32",
    )
