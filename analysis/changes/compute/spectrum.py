"""The singular values and directions of a change of weights (METHODS 10).

A change ΔW is given as blocks [n, s] that stand one on top of the other: all that is asked is what
they have in common, the directions of their s columns. Narrow ones are decomposed, products of
narrow ones too. Of wide ones a few are found by a block Lanczos iteration on ΔWᵀΔW, and the same
iteration says how many directions there are altogether: the block that it begins with is random, so
that the quadrature of its weights estimates every sum over the spectrum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.concepts.rotation import suited_to
from analysis.engine.weights.adapter_file import LowRank

NARROW = 1024
"""Up to this width all singular values are computed, in float64."""

BLOCK = 32
"""Random vectors that the iteration begins with; a product with so many reads ΔW once."""

STEPS = 24
"""Of the iteration, at most."""

CHECKED = 8
"""Every so many steps it is looked whether the directions asked for are there."""

SETTLED = 1e-3
"""A squared singular value is known where its residual is below this share of it."""

APART = 0.1
"""A direction is known where its residual is below this share of the gap to the next one: it may
then be turned by 6 degrees."""

FAINTEST = 1e-14
"""Of a decomposition in float64, squares up to this share of the largest are rounding errors."""

STEADY = 1e-3
"""The effective rank is known where more steps change it by less than this share."""

EXHAUSTED = 1e-6
"""Below this ratio of new vectors' lengths, rounding may have turned them into the basis."""

SEEN = 1e-3
"""Where unknown singular values hold a larger share, the quadrature must see about as much."""

SHARE = 0.9
"""The share of ‖ΔW‖² that `Spectrum.holding` is about."""

_ROWS = 8192


@dataclass(frozen=True, eq=False)
class Spectrum:
    """What the singular values of a change ΔW are like, largest first.

    Attributes:
        singular_values: float64 [R].
        directions: float64 [R, s], unit vectors; the entry of largest magnitude is positive.
        settled: bool [R], whether the direction is known; see `APART`.
        effective_rank: exp of the entropy of σ² / Σσ².
        effective_rank_error: Its standard error; 0 where nothing had to be estimated.
        holding: How many directions hold `SHARE` of ‖ΔW‖².
        holding_exact: Whether that number is computed, not estimated.
    """

    singular_values: NDArray[np.float64]
    directions: Tensor
    settled: NDArray[np.bool_]
    effective_rank: float
    effective_rank_error: float
    holding: int
    holding_exact: bool


def spectrum(blocks: Sequence[Tensor], count: int, *, seed: int = 0) -> Spectrum:
    """The spectrum of the matrix that these blocks make, one on top of the other.

    Args:
        blocks: float32 or float64 [n, s], on one device; not all zero. Views are fine.
        count: R, how many directions; fewer if there are no more.
        seed: Of the iteration for s above `NARROW`.

    Raises:
        ValueError: The blocks are not of one width, or all zero.
    """
    widths = {block.shape[-1] for block in blocks}
    if len(widths) != 1 or any(block.ndim != 2 for block in blocks):
        raise ValueError("blocks must be [n, s] with one s")
    (width,) = widths
    with torch.no_grad(), suited_to(width):
        if width <= NARROW:
            return _decomposed(_gram(blocks), count)
        return _Lanczos(blocks, seed).run(count)


def singular_values_of_product(up: Tensor, down: Tensor) -> NDArray[np.float64]:
    """The singular values of up · down, without making it: float64 [r], falling.

    Args:
        up: [out, r].
        down: [r, in].
    """
    return _factors(up, down)[1].cpu().numpy()


def product_spectrum(change: LowRank, count: int, *, of_inputs: bool) -> Spectrum:
    """The spectrum of a low-rank change, exactly; its directions among its inputs or outputs."""
    left, values, right = _factors(change.up, change.down)
    squares = (values**2).cpu().numpy()
    directions = right if of_inputs else left.T
    return _exact(squares, directions, min(count, int((squares > 0.0).sum())))


def _factors(up: Tensor, down: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U [out, r], σ [r] and Vᵀ [r, in] of up · down, float64."""
    wide, tall = torch.linalg.qr(down.double().T), torch.linalg.qr(up.double())
    inner = torch.linalg.svd(tall.R @ wide.R.T, full_matrices=False)
    return tall.Q @ inner.U, inner.S, inner.Vh @ wide.Q.T


def _gram(blocks: Sequence[Tensor]) -> Tensor:
    """ΔWᵀΔW, float64 [s, s]."""
    width = blocks[0].shape[1]
    gram = blocks[0].new_zeros(width, width, dtype=torch.float64)
    for block in blocks:
        for rows in torch.split(block, _ROWS):
            exact = rows.double()
            gram += exact.T @ exact
    return gram


def _decomposed(gram: Tensor, count: int) -> Spectrum:
    squares, vectors = torch.linalg.eigh(gram)
    found = squares.flip(0).cpu().numpy()
    if not found[0] > 0.0:
        raise ValueError("a change of zero has no spectrum")
    found = np.where(found > FAINTEST * found[0], found, 0.0)
    return _exact(found, vectors.flip(1).T, min(count, int((found > 0.0).sum())))


def _exact(squares: NDArray[np.float64], directions: Tensor, count: int) -> Spectrum:
    """From all squared singular values, falling, and their directions [at least count, s]."""
    shares = squares[squares > 0.0] / squares.sum()
    return Spectrum(
        singular_values=np.sqrt(squares[:count]),
        directions=signed(directions[:count]),
        settled=np.ones(count, np.bool_),
        effective_rank=float(np.exp(_entropy(shares))),
        effective_rank_error=0.0,
        holding=_holding(shares),
        holding_exact=True,
    )


def _entropy(shares: NDArray[np.float64]) -> float:
    return float(-(shares * np.log(shares)).sum())


def _holding(shares: NDArray[np.float64]) -> int:
    # What rounding takes from the last sum must not add a direction.
    return int(np.searchsorted(shares.cumsum(), SHARE * (1 - 1e-12))) + 1


def _orthonormal(vectors: Tensor) -> tuple[Tensor, Tensor]:
    found: tuple[Tensor, Tensor] = torch.linalg.qr(vectors)
    return found


def signed(directions: Tensor) -> Tensor:
    """The same directions, [R, s], each with its entry of largest magnitude positive."""
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
    return directions * largest.sign()


class _Lanczos:
    """Block Lanczos on G = ΔWᵀΔW: products in the blocks' precision, all the rest in float64."""

    def __init__(self, blocks: Sequence[Tensor], seed: int) -> None:
        self._blocks = blocks
        self._width = blocks[0].shape[1]
        self._steps = min(STEPS, self._width // BLOCK)
        self._total = sum(
            float(rows.double().square_().sum()) for b in blocks for rows in torch.split(b, 1024)
        )
        if not self._total:
            raise ValueError("a change of zero has no spectrum")
        random = torch.Generator().manual_seed(seed)
        start = torch.randn(self._width, BLOCK, generator=random, dtype=torch.float64)
        # Vectors lie one after the other in memory, whatever their number.
        self._vectors = start.new_empty(self._steps * BLOCK, self._width).to(blocks[0].device)
        self._vectors[:BLOCK] = torch.linalg.qr(start.to(blocks[0].device)).Q.T
        self._projected = self._vectors.new_zeros(len(self._vectors), len(self._vectors))

    def run(self, count: int) -> Spectrum:
        """Iterate until `count` directions and the estimates are known, or as often as it may."""
        rank, moved = math.inf, math.inf
        for step in range(1, self._steps + 1):
            coupling = self._step(step)
            if step % CHECKED == 0 or step == self._steps:
                ritz = self._ritz(step * BLOCK, coupling)
                before, (rank, error) = rank, ritz.effective_rank()
                moved = abs(rank - before)
                if moved < max(error, STEADY * rank) and ritz.known_directions(count).all():
                    break
        directions = ritz.vectors[:, :count].T @ self._vectors[: len(ritz.vectors)]
        found = ritz.spectrum(count, signed(torch.nn.functional.normalize(directions, dim=1)))
        # A quadrature of too few steps errs alike for all the vectors that it began with.
        error = math.hypot(error, moved) if error else 0.0
        return replace(found, effective_rank_error=error)

    def _step(self, step: int) -> Tensor:
        """Project G on one block more, and begin the next; returns how that couples to this."""
        last, end = (step - 1) * BLOCK, step * BLOCK
        basis = self._vectors[:end]
        image = self._image(basis[last:].T)
        inside = basis @ image
        self._projected[:end, last:end] = inside
        self._projected[last:end, :end] = inside.T
        outside = image - basis.T @ inside
        outside -= basis.T @ (basis @ outside)
        following, coupling = _orthonormal(outside)
        if step < self._steps:
            sizes = coupling.diagonal().abs()
            if float(sizes.min()) < EXHAUSTED * float(sizes.max()):
                # What is left of an image within the basis is rounding, and not outside of it.
                following -= basis.T @ (basis @ following)
                following, _ = _orthonormal(following)
            self._vectors[end : end + BLOCK] = following.T
        return coupling

    def _image(self, vectors: Tensor) -> Tensor:
        single = vectors.to(self._blocks[0].dtype)
        image = torch.zeros_like(vectors)
        for block in self._blocks:
            image += (block.T @ (block @ single)).double()
        return image

    def _ritz(self, dimensions: int, coupling: Tensor) -> _Ritz:
        squares, vectors = torch.linalg.eigh(self._projected[:dimensions, :dimensions])
        squares, vectors = squares.flip(0), vectors.flip(1)
        return _Ritz(
            squares=squares.clamp_min(0.0).cpu().numpy(),
            vectors=vectors,
            residuals=torch.linalg.vector_norm(coupling @ vectors[-BLOCK:], dim=0).cpu().numpy(),
            weights=vectors[:BLOCK].square().cpu().numpy(),
            total=self._total,
            width=self._width,
            rounding=torch.finfo(self._blocks[0].dtype).eps,
        )


@dataclass(frozen=True, eq=False)
class _Ritz:
    """The eigenvalues of G within a Krylov space, m of them, falling.

    Attributes:
        squares: float64 [m].
        vectors: float64 [m, m], a column each, by the basis.
        residuals: float64 [m], ‖G v − θ v‖.
        weights: float64 [BLOCK, m], the squared cosines of each with the vectors that the
            iteration began with: the weights of their Gauss quadratures.
        total: Σ σ² of all of them, known exactly.
        width: s.
        rounding: The error of a product with G, as a share of the largest eigenvalue.
    """

    squares: NDArray[np.float64]
    vectors: Tensor
    residuals: NDArray[np.float64]
    weights: NDArray[np.float64]
    total: float
    width: int
    rounding: float

    def known_directions(self, count: int) -> NDArray[np.bool_]:
        """bool [count]: which of the first may be turned by little."""
        gaps = -np.diff(self.squares, append=0.0)
        around = np.minimum(gaps, np.concatenate([[np.inf], gaps[:-1]]))
        return self._within(APART * around)[:count]

    def spectrum(self, count: int, directions: Tensor) -> Spectrum:
        """All that is known or estimated of the whole spectrum."""
        keep = self.squares[:count] > self.rounding * self.squares[0]
        rank, error = self.effective_rank()
        holding, exact = self._holding()
        return Spectrum(
            singular_values=np.sqrt(self.squares[:count][keep]),
            directions=directions[torch.from_numpy(keep).to(directions.device)],
            settled=self.known_directions(count)[keep],
            effective_rank=rank,
            effective_rank_error=error,
            holding=holding,
            holding_exact=exact,
        )

    def _within(self, bound: NDArray[np.float64]) -> NDArray[np.bool_]:
        """bool [m]: whether residual and rounding are below a bound."""
        within: NDArray[np.bool_] = self.residuals + self.rounding * self.squares[0] < bound
        return within

    @cached_property
    def _known(self) -> NDArray[np.bool_]:
        """Which eigenvalues of G are known, each of them one; the others stand for many."""
        known = self._within(SETTLED * self.squares)
        rest = 1.0 - self.squares[known].sum() / self.total
        # Of eigenvalues that are equal only some are found, and none of the others is seen.
        seen = self.weights[:, ~known].mean(axis=0) @ self.squares[~known] * self.width / self.total
        return known if rest < SEEN or rest / 2 < seen < rest * 2 else np.zeros_like(known)

    @cached_property
    def _rest(self) -> float:
        """The share of Σσ² that the known ones do not have; 0 where that is rounding."""
        rest = 1.0 - float(self.squares[self._known].sum()) / self.total
        return rest if rest > 10 * self.rounding and not self._known.all() else 0.0

    def effective_rank(self) -> tuple[float, float]:
        """The effective rank, and the standard error of what random vectors say of it."""
        shares = self.squares[self._known] / self.total
        known = _entropy(shares)
        if not self._rest:
            return math.exp(known), 0.0
        every = np.arange(BLOCK)
        entropy = known + self._entropy_of_rest(every)
        # Jackknife: each of the vectors that the iteration began with is left out once.
        without = np.array([self._entropy_of_rest(every[every != each]) for each in every])
        error = math.sqrt((BLOCK - 1) * float(without.var()))
        return math.exp(entropy), math.exp(entropy) * error

    def _entropy_of_rest(self, starts: NDArray[np.int64]) -> float:
        """Σ −p ln p over what is not known, of which the quadrature says how it is spread."""
        energies = self._energies(starts)
        nodes = self.squares[~self._known] / self.total
        some = energies > 0.0
        return float(-(energies[some] * np.log(nodes[some])).sum())

    def _energies(self, starts: NDArray[np.int64]) -> NDArray[np.float64]:
        """The share of Σσ² around each node that is not known; their sum is exact."""
        nodes = self.squares[~self._known]
        energies = self.weights[starts][:, ~self._known].mean(axis=0) * nodes
        scaled: NDArray[np.float64] = energies * (self._rest / energies.sum())
        return scaled

    def _holding(self) -> tuple[int, bool]:
        """How many directions hold `SHARE`, and whether all of them are known."""
        shares = self.squares / self.total
        counts = np.ones(len(shares))
        if self._rest:
            energies = self._energies(np.arange(BLOCK))
            nodes = shares[~self._known]
            counts[~self._known] = np.divide(
                energies, nodes, out=np.zeros_like(energies), where=nodes > 0.0
            )
        else:
            counts[~self._known] = 0.0
        held = (counts * shares).cumsum()
        place = int(np.searchsorted(held, SHARE * (1 - 1e-12)))
        if place >= len(held):
            return math.ceil(counts.sum()), False
        before = held[place - 1] if place else 0.0
        number = counts[:place].sum() + (SHARE - before) / shares[place]
        exact = bool(self._known[: place + 1].all())
        return (place + 1 if exact else max(1, math.ceil(number))), exact
