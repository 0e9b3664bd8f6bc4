"""A model's weights by function, whatever its family calls them (METHODS 2, 3 and 7)."""

from analysis.engine.weights.adapter import ModelWeights
from analysis.engine.weights.projections import QueryKey
from analysis.engine.weights.registry import families, open_weights, weights_of

__all__ = ["ModelWeights", "QueryKey", "families", "open_weights", "weights_of"]
