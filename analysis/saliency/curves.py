"""Deletion and insertion curves of orders of prompt tokens (METHODS 1, faithfulness).

An order is what a map says of the prompt as a whole: which token weighs most, which next. A good
one makes the response unlikely early on while tokens are deleted, and likely early on while they
are inserted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.models.tokens import Tokens
from analysis.saliency.request import AttributionRequest, CurvesRequest
from analysis.saliency.result import KINDS, Attribution, Curves, Kind
from analysis.table import Cell, Table

STEPS = 10
"""In how many steps all tokens are deleted."""

RANDOM_ORDERS = 5
"""Random orders with which the others are compared."""

COLUMNS = ("order", "curve", "tokens", "share", "mean_log_probability", "log_probability")


def removable(tokens: Tokens) -> NDArray[np.bool_]:
    """bool [N]: the prompt tokens that can be deleted, which are those the user wrote.

    Where the model is given no others, the last one stays too: a response cannot follow on nothing.
    """
    found = tokens.written_by_user()
    if len(found) and found.all():
        found[-1] = False
    return found


def token_weights(importance: NDArray[np.float32], rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What every prompt token weighs in a map: Σ_m max(I[n, m], 0) / max_n' I[n', m].

    This is the score of equation 2 before it becomes a level, added up: every response token has
    one vote, however large its column. A column without positive importance has none.

    Args:
        importance: float32 [N, M].
        rows: bool [N], the rows that take part in the maximum.

    Returns:
        float64 [N], 0 for other rows.
    """
    positive = np.where(rows[:, None], np.maximum(importance.astype(np.float64), 0.0), 0.0)
    largest = positive.max(axis=0, initial=0.0)
    shares = positive / np.where(largest > 0.0, largest, 1.0)
    return np.asarray(shares.sum(axis=1), dtype=np.float64)


def order_of(weights: NDArray[np.floating], rows: NDArray[np.bool_]) -> tuple[int, ...]:
    """The prompt tokens of `rows`, bool [N], by falling weight [N]; equal ones as in the prompt."""
    tokens = np.flatnonzero(rows)
    return tuple(tokens[np.argsort(-weights[tokens], kind="stable")].tolist())


def random_orders(rows: NDArray[np.bool_], count: int) -> tuple[tuple[int, ...], ...]:
    """So many orders of the prompt tokens of `rows`, bool [N], the same ones every time."""
    random, tokens = np.random.default_rng(0), np.flatnonzero(rows)
    return tuple(tuple(random.permutation(tokens).tolist()) for _ in range(count))


@dataclass(frozen=True)
class Orders:
    """Named orders of the prompt tokens of an explained response, and random ones beside them."""

    names: tuple[str, ...]
    request: CurvesRequest

    @classmethod
    def of(
        cls,
        request: AttributionRequest,
        explained: Attribution,
        weights: Mapping[str, NDArray[np.floating]],
        *,
        steps: int = STEPS,
        random: int = RANDOM_ORDERS,
    ) -> Orders:
        """What to ask for.

        Args:
            request: What was asked for the response.
            explained: Its answer.
            weights: By name, what every prompt token weighs, [N].
            steps: In how many steps all tokens are deleted.
            random: Random orders beside the named ones.
        """
        rows = removable(explained.prompt_tokens)
        named = tuple(order_of(each, rows) for each in weights.values())
        return cls(
            tuple(weights),
            CurvesRequest(
                request.model,
                request.prompt,
                explained.response_tokens.ids,
                (*named, *random_orders(rows, random)),
                steps,
                request.chat_template,
                request.memory_budget,
            ),
        )

    def judged(self, curves: Curves) -> Judged:
        """The orders with the answer to their request."""
        return Judged(self.names, curves)


@dataclass(frozen=True, eq=False)
class Judged:
    """Curves by name; those without a name are of random orders.

    Attributes:
        names: Of the first orders.
        curves: Of these, then of at least one random one.
    """

    names: tuple[str, ...]
    curves: Curves

    @cached_property
    def chance(self) -> dict[Kind, float]:
        """The mean area of the random orders, in nats a response token."""
        return {kind: float(self.curves.areas(kind)[len(self.names) :].mean()) for kind in KINDS}

    def area(self, name: str, kind: Kind) -> float:
        """The area under a named order's curve, in nats a response token."""
        return float(self.curves.areas(kind)[self.names.index(name)])

    def gain(self, name: str, kind: Kind) -> float:
        """By how much an order is better than random ones, in nats a response token.

        Deleting what matters leaves a smaller area than deleting at random; inserting it a larger.
        """
        above = self.area(name, kind) - self.chance[kind]
        return above if kind == "insertion" else -above

    def sentences(self) -> list[str]:
        """The areas of every named order against chance."""
        return [
            f"{name}, in nats a response token: {self._against_chance(name, 'deletion')}; "
            f"{self._against_chance(name, 'insertion')}"
            for name in self.names
        ]

    def _against_chance(self, name: str, kind: Kind) -> str:
        gain = self.gain(name, kind)
        return (
            f"area under {kind} {self.area(name, kind):.3f}, of random orders "
            f"{self.chance[kind]:.3f}: {'better' if gain >= 0 else 'worse'} by {abs(gain):.3f}"
        )

    def table(self) -> Table:
        """A row for each order, curve and step."""
        return Table(COLUMNS, tuple(self._rows()))

    def mean_curves(self, kind: Kind, shares: Sequence[float]) -> dict[str, NDArray[np.float64]]:
        """The curve of every named order and ``random``, the mean of those, at given shares."""
        values: NDArray[np.float64] = getattr(self.curves, kind)
        known = [*values[: len(self.names)], values[len(self.names) :].mean(axis=0)]
        return {
            name: np.interp(shares, self.curves.shares, each)
            for name, each in zip((*self.names, "random"), known, strict=True)
        }

    def _rows(self) -> Iterator[tuple[Cell, ...]]:
        found = self.curves
        for index in range(len(found.deletion)):
            number = index - len(self.names)
            name = self.names[index] if number < 0 else f"random {number + 1}"
            for kind in KINDS:
                values = getattr(found, kind)[index].tolist()
                for count, share, mean in zip(
                    found.counts.tolist(), found.shares.tolist(), values, strict=True
                ):
                    yield name, kind, count, share, mean, mean * found.response_tokens
