"""What tuning changed in every matrix of a model, read from the weights of both (METHODS 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.request import on_demand

if TYPE_CHECKING:
    from analysis.changes.compute.spectrum import singular_values_of_product, spectrum

__all__ = ["singular_values_of_product", "spectrum"]

__getattr__ = on_demand(
    {
        "singular_values_of_product": "analysis.changes.compute.spectrum",
        "spectrum": "analysis.changes.compute.spectrum",
    }
)
