"""What the scripted session answers about a divergence: the models part at every third token."""

from __future__ import annotations

import numpy as np

from analysis.divergence.request import DivergenceRequest
from analysis.divergence.result import Divergence
from analysis.models.tokens import Tokens

WORDS = (" yes", " no", " maybe", "\n", " word")


def divergence(request: DivergenceRequest, response: Tokens, text: str) -> Divergence:
    """A whole response: tokens 1, 4, 7, … are where first choices differ, KL is 1 + place there.

    Elsewhere it is 0.1. The tuned model's choices are `WORDS` in order, the base model's begin with
    the second where they part.
    """
    count = len(response) + 1
    places = np.arange(count)
    parted = places % 3 == 1
    order = np.arange(len(WORDS))
    tuned = np.tile(order, (count, 1))
    base = np.where(parted[:, None], np.roll(order, -1), order)
    falling = np.log(0.6 * 0.5**order)
    own = np.tile(falling, (2, 2, count, 1))
    own[0, 1] = own[1, 0] = np.log(0.1)
    log_p = np.stack([np.full(count, -2.0), np.full(count, -0.5)])
    log_p[:, ~parted] = -0.1
    return Divergence(
        base=request.base.name,
        tuned=request.tuned.name,
        prompt=request.prompt,
        prompt_tokens=(Tokens((1,), ("<s>",), (None,)),) * 2,
        response=text,
        response_tokens=response,
        writer=request.writer,
        ended=True,
        log_p=log_p.astype(np.float32),
        kl=np.where(parted, 1.0 + places, 0.1).astype(np.float32),
        choices=np.stack([base, tuned]).astype(np.int32),
        choice_log_p=own.astype(np.float32),
        texts={str(number): word for number, word in enumerate(WORDS)},
        ends=((99,), (99,)),
    )
