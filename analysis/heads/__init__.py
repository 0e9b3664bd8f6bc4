"""Word pairs related by attention heads, read from their weights (METHODS 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.request import on_demand

if TYPE_CHECKING:
    from analysis.heads.compute.word_pairs import head_word_pairs

__all__ = ["head_word_pairs"]

__getattr__ = on_demand(
    {
        "head_word_pairs": "analysis.heads.compute.word_pairs",
    }
)
