"""The commands whose rows are those of the maps shown, one for each model."""

from __future__ import annotations

from collections.abc import Sequence

from app.frame.twin import attribution, option, reference
from app.views.saliency.pair import Pair
from app.views.saliency.side import Method, Side

_METHODS: dict[Method, tuple[str, ...]] = {
    "gradient": (),
    "frozen norms": option("method", "frozen-norms"),
    "occlusion": option("method", "occlusion"),
    "difference": option("compare", "occlusion"),
}


def commands_of(pair: Pair, *, include_special: bool, cache_dir: str) -> list[str]:
    """A command a model; none for stored maps, which no command computes."""
    how = (*_METHODS[pair.method], *option("include-special", include_special))
    return [
        attribution(request, cache_dir, response=_response(side, pair.sides), how=how)
        for side in pair.sides
        if (request := side.gradient.request) is not None
    ]


def _response(side: Side, sides: Sequence[Side]) -> tuple[str, ...]:
    """Whose response a side explains: its own, the other model's, or a given text."""
    if side.whose == "own":
        return ()
    explained, own = side.gradient.request, side.own.request
    if side.whose == "golden":
        return option("response", None if explained is None else explained.response)
    writer = sides[side.whose == "tuned"].own.request
    if writer is None or own is None or writer.model == own.model:
        return ()
    return (
        *option("response-from", reference(writer.model)),
        *option("other-chat-template", writer.chat_template),
    )
