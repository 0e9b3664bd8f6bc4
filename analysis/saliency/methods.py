"""What the methods of saliency compute, and by which algorithm; free of torch (METHODS 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analysis.saliency.request import Method

Quantity = Literal["gradient", "frozen_norms", "occlusion", "occlusion_zeroed"]
Algorithm = Literal["auto", "forward", "reverse"]


@dataclass(frozen=True)
class Way:
    """A method, taken apart.

    Attributes:
        quantity: What is computed. Two methods with the same one give the same numbers.
        algorithm: How; ``auto`` for the cheaper one. Occlusion has one way only.
    """

    quantity: Quantity
    algorithm: Algorithm = "auto"

    @property
    def is_derivative(self) -> bool:
        """Whether forward and reverse differentiation both give it."""
        return self.quantity in ("gradient", "frozen_norms")

    @property
    def method(self) -> Method:
        """The method that is this way."""
        return next(method for method, way in WAYS.items() if way == self)


# The gradient's methods have the names under which results are stored since before there were
# other derivatives.
WAYS: dict[Method, Way] = {
    "auto": Way("gradient"),
    "forward": Way("gradient", "forward"),
    "reverse": Way("gradient", "reverse"),
    "frozen_norms": Way("frozen_norms"),
    "frozen_norms_forward": Way("frozen_norms", "forward"),
    "frozen_norms_reverse": Way("frozen_norms", "reverse"),
    "occlusion": Way("occlusion"),
    "occlusion_zeroed": Way("occlusion_zeroed"),
}
