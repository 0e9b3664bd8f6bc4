"""How hidden states cluster by task, in trained models and during training (METHODS 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.request import named

if TYPE_CHECKING:
    from analysis.clustering.compute.measures import cluster_scores

__all__ = ["cluster_scores"]

_PLACES = {
    "cluster_scores": "analysis.clustering.compute.measures",
}


def __getattr__(name: str) -> Any:
    """Import parts that need torch on first use; the package itself does not."""
    if name not in _PLACES:
        raise AttributeError(name)
    return named(f"{_PLACES[name]}:{name}")
