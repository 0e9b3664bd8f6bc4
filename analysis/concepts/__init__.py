"""The concepts of feed-forward layers: principal components described in words (METHODS 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.request import named

if TYPE_CHECKING:
    from analysis.concepts.compute.principal import principal_words

__all__ = ["principal_words"]

_PLACES = {
    "principal_words": "analysis.concepts.compute.principal",
}


def __getattr__(name: str) -> Any:
    """Import parts that need torch on first use; the package itself does not."""
    if name not in _PLACES:
        raise AttributeError(name)
    return named(f"{_PLACES[name]}:{name}")
