"""How much every prompt token matters for every response token (METHODS 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.request import on_demand

if TYPE_CHECKING:
    from analysis.saliency.compute.importance import importance
    from analysis.saliency.compute.totals import totals

__all__ = ["importance", "totals"]

__getattr__ = on_demand(
    {
        "importance": "analysis.saliency.compute.importance",
        "totals": "analysis.saliency.compute.totals",
    }
)
