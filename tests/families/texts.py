"""What the tiny models are asked about: prompts and responses of tokens that are all different.

Equal tokens tie in a selection of keys by what they are; how ties end is nobody's promise.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from tests.families.sizes import VOCABULARY


class Text(NamedTuple):
    """Token ids.

    Attributes:
        prompt: N of them.
        response: M of them.
    """

    prompt: list[int]
    response: list[int]

    @property
    def ids(self) -> list[int]:
        """All of them."""
        return [*self.prompt, *self.response]


def _text(prompt: int, response: int, seed: int) -> Text:
    shuffled = torch.randperm(VOCABULARY - 3, generator=torch.Generator().manual_seed(seed)) + 3
    return Text(shuffled[:prompt].tolist(), shuffled[prompt : prompt + response].tolist())


LONG_RESPONSE = _text(6, 8, 1)
LONG_PROMPT = _text(11, 3, 2)
ONE_TOKEN = _text(1, 9, 3)
"""A prompt of one token: nothing can be read before what is explained."""

TEXTS = (LONG_RESPONSE, LONG_PROMPT, ONE_TOKEN)
