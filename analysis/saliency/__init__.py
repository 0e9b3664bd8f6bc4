"""How much every prompt token matters for every response token (METHODS 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.request import named

if TYPE_CHECKING:
    from analysis.saliency.compute.importance import importance
    from analysis.saliency.compute.totals import totals

__all__ = ["importance", "totals"]

_PLACES = {
    "importance": "analysis.saliency.compute.importance",
    "totals": "analysis.saliency.compute.totals",
}


def __getattr__(name: str) -> Any:
    """What needs torch, imported when it is asked for: the room itself is free of it."""
    if name not in _PLACES:
        raise AttributeError(name)
    return named(f"{_PLACES[name]}:{name}")
