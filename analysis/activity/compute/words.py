"""The tokens between which a head's attention is looked at."""

from __future__ import annotations

import torch
from torch import Tensor

from analysis.models.tokens import Tokens
from analysis.saliency.words import pieces


def between(prompt: str, tokens: Tokens, pair: tuple[str, str]) -> Tensor:
    """From the last token of either word's occurrences to the tokens of the other's before it.

    Words are the prompt's as `pieces` cuts them, whatever their case. An occurrence is not paired
    with itself.

    Returns:
        int64 [n, 2], positions of the token that attends and of the one that it attends to; none
        for a prompt without both words.
    """
    of_word: tuple[list[list[int]], list[list[int]]] = ([], [])
    wanted = [each.strip().casefold() for each in pair]
    for start, end in pieces(prompt):
        text = prompt[start:end].casefold()
        if text not in wanted:
            continue
        own = [
            at
            for at, span in enumerate(tokens.spans)
            if span is not None and span[0] < end and span[1] > start
        ]
        for word, found in zip(wanted, of_word, strict=True):
            if own and text == word:
                found.append(own)
    first, second = of_word
    places: set[tuple[int, int]] = set()
    for one in first:
        for other in second:
            for attending, attended in ((one, other), (other, one)) if one != other else ():
                places |= {(attending[-1], at) for at in attended if at < attending[-1]}
    return torch.tensor(sorted(places), dtype=torch.int64).view(-1, 2)


def anywhere(tokens: Tokens) -> Tensor:
    """From every token of the user's own to those up to itself, but for the text's first one.

    Returns as `between`.
    """
    own = torch.tensor([at for at, span in enumerate(tokens.spans) if span is not None])
    every = torch.cartesian_prod(own, own)
    return every[(every[:, 1] > 0) & (every[:, 1] <= every[:, 0])]
