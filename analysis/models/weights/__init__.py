"""A model's weights by what they do, whatever its family calls them (METHODS 2, 3 and 7)."""

from analysis.models.weights.adapter import ModelWeights
from analysis.models.weights.check import check
from analysis.models.weights.query_key import QueryKey
from analysis.models.weights.registry import families, open_weights, weights_of

__all__ = ["ModelWeights", "QueryKey", "check", "families", "open_weights", "weights_of"]
