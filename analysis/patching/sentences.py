"""What patched runs show, in sentences: where the choice turns, and where most of it changes."""

from __future__ import annotations

import numpy as np

from analysis.patching.result import Patching
from analysis.patching.tables import place

_PARTS = {"attention": "attention", "feed_forward": "feed-forward network"}
# The least share of the way that is worth a sentence.
_SEEN = 0.05


def finding(found: Patching) -> tuple[str, ...]:
    """The choice, and for each direction where it turns and the largest step, if there is one."""
    choice = (
        f"{found.base} gives the logit difference {_named(found, 1)} − {_named(found, 0)} as "
        f"{found.alone.difference[0]:+.2f}, {found.tuned} as {found.alone.difference[1]:+.2f}."
    )
    if not found.gap:
        return (choice, "The difference is the same in both: nothing of it can be carried.")
    said = _of_stream if found.part == "stream" else _of_part
    return (choice, *(said(found, receiver) for receiver in (1, 0)))


def turns_at(found: Patching, receiver: int) -> int | None:
    """The first point from which on, to the last, the choice is the donor's; None for none.

    None also where both models have the same choice.
    """
    own, donor = found.alone.difference[[receiver, 1 - receiver]]
    if np.sign(own) == np.sign(donor):
        return None
    turned = np.sign(found.patched.difference[receiver]) == np.sign(donor)
    kept = np.flatnonzero(~turned)
    first = int(kept[-1]) + 1 if len(kept) else 0
    return first if first < found.points else None


def largest_step(found: Patching, receiver: int) -> tuple[int, float] | None:
    """The layer from before which to after which `carried` grows most, and by how much."""
    steps = np.diff(found.carried[receiver])
    if not len(steps) or not np.isfinite(steps).any():
        return None
    layer = int(np.nanargmax(steps))
    return layer, float(steps[layer])


def _of_stream(found: Patching, receiver: int) -> str:
    own, donor = found.names[receiver], found.names[1 - receiver]
    at, step = turns_at(found, receiver), largest_step(found, receiver)
    same = np.sign(found.alone.difference[0]) == np.sign(found.alone.difference[1])
    lead = f"With {donor}’s stream at this position, {own} "
    if same:
        lead += "prefers the same of the two tokens, as both do alone"
    elif at is None:
        lead += f"does not come to prefer {donor}’s token, even after the last layer"
    elif at == 0:
        lead += f"prefers {donor}’s token from the embeddings on"
    else:
        lead += f"prefers {donor}’s token from {place(found, at)} on ({at} of {found.layers})"
    if step is None:
        return f"{lead}."
    layer, share = step
    rest = 1 - float(found.carried[receiver, -1])
    last = f" The final norm and head make up {100 * rest:.0f} %." if abs(rest) >= _SEEN else ""
    return (
        f"{lead}; the largest step, {100 * share:.0f} % of the way, is across layer {layer}.{last}"
    )


def _of_part(found: Patching, receiver: int) -> str:
    own, donor = found.names[receiver], found.names[1 - receiver]
    shares = found.carried[receiver]
    layer = int(np.nanargmax(shares))
    signs = np.sign(found.alone.difference)
    turned = np.sign(found.patched.difference[receiver]) == signs[1 - receiver]
    count = int((turned & np.isfinite(shares)).sum()) if signs[0] != signs[1] else 0
    alone = {0: "no layer turns", 1: "one layer turns"}.get(count, f"{count} layers turn")
    return (
        f"One {_PARTS[found.part]} of {donor} at a time in {own}: that of layer {layer} takes the "
        f"difference furthest, {100 * shares[layer]:.0f} % of the way; {alone} the choice by "
        "itself."
    )


def _named(found: Patching, side: int) -> str:
    return f"“{found.text(found.tokens[side])}”"
