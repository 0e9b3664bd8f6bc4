"""What tuning changed in every matrix of a model, read from the weights of both (METHODS 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.request import named

if TYPE_CHECKING:
    from analysis.changes.compute.spectrum import singular_values_of_product, spectrum

__all__ = ["singular_values_of_product", "spectrum"]

_PLACES = {
    "singular_values_of_product": "analysis.changes.compute.spectrum",
    "spectrum": "analysis.changes.compute.spectrum",
}


def __getattr__(name: str) -> Any:
    """Import parts that need torch on first use; the package itself does not."""
    if name not in _PLACES:
        raise AttributeError(name)
    return named(f"{_PLACES[name]}:{name}")
