"""Word pairs related by attention heads, read from their weights (METHODS 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.request import named

if TYPE_CHECKING:
    from analysis.heads.compute.word_pairs import head_word_pairs

__all__ = ["head_word_pairs"]

_PLACES = {
    "head_word_pairs": "analysis.heads.compute.word_pairs",
}


def __getattr__(name: str) -> Any:
    """Import parts that need torch on first use; the package itself does not."""
    if name not in _PLACES:
        raise AttributeError(name)
    return named(f"{_PLACES[name]}:{name}")
