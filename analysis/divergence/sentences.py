"""What a divergence shows, in sentences."""

from __future__ import annotations

from analysis.divergence.result import Divergence


def finding(found: Divergence) -> tuple[str, ...]:
    """Where the models part, how often, and where their distributions differ most."""
    return (_first(found), _overall(found))


def said(found: Divergence, side: int, place: int) -> str:
    """What a model (0 base, 1 tuned) prefers at a place, such as ``" The" (61 %)``."""
    token, text, probability = found.choice(side, place)
    word = "an end" if token in found.ends[side] else f"“{text}”"
    return f"{word} ({100 * probability:.0f} %)"


def _first(found: Divergence) -> str:
    first = found.first
    if first is None:
        return (
            f"Both prefer the same token at all {found.places} places: greedily, they say the same."
        )
    where = "at the first token" if first == 0 else f"after {first} token{'s' * (first > 1)}"
    if found.token(first) is None:
        where = "at the response's end"
    return (
        f"They part {where}: {found.base} prefers {said(found, 0, first)}, "
        f"{found.tuned} {said(found, 1, first)}."
    )


def _overall(found: Divergence) -> str:
    largest, token = found.largest, found.token(found.largest)
    where = "at the end" if token is None else f"before “{token}”"
    parted = int(found.parted.sum())
    return (
        f"First choices differ at {parted} of {found.places} places of "
        f"{_writer(found)} response; KL(tuned ‖ base) is {float(found.kl.mean()):.2f} nats on "
        f"average, and largest {where} ({float(found.kl[largest]):.2f})."
    )


def _writer(found: Divergence) -> str:
    if found.writer == "given":
        return "the given"
    return f"{found.tuned if found.writer == 'tuned' else found.base}’s"
