"""How hidden states cluster by task, in trained models and during training (METHODS 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.request import on_demand

if TYPE_CHECKING:
    from analysis.clustering.compute.measures import cluster_scores

__all__ = ["cluster_scores"]

__getattr__ = on_demand(
    {
        "cluster_scores": "analysis.clustering.compute.measures",
    }
)
