"""The concepts of feed-forward layers: principal components described in words (METHODS 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.request import on_demand

if TYPE_CHECKING:
    from analysis.concepts.compute.principal import principal_words

__all__ = ["principal_words"]

__getattr__ = on_demand(
    {
        "principal_words": "analysis.concepts.compute.principal",
    }
)
