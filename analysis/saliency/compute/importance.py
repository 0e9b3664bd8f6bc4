"""Importance of every prompt token for every response token (METHODS 1, paper 4.1, appendix A).

`forward` and `reverse` compute the same gradient, `occlusion` what it approximates; `norms` says
which gradient. `ends` cuts the model open for all of them, `cost` finds the cheapest and how much
fits into memory. `sums` gives the totals of a map without the map, with which `certificate` checks
forward mode.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.saliency.compute.begun import leading
from analysis.saliency.compute.certificate import Certificate, FailedRowsError
from analysis.saliency.compute.cost import Plan, budget_of, shape_of
from analysis.saliency.compute.ends import finite
from analysis.saliency.compute.forward import NoForwardModeError, forward
from analysis.saliency.compute.norms import RULES
from analysis.saliency.compute.occlusion import occlusion
from analysis.saliency.compute.pieces import Piece, Pieces, Ran, Restart, Totals
from analysis.saliency.compute.reverse import reverse
from analysis.saliency.compute.sums import Sums
from analysis.saliency.compute.totals import totals
from analysis.saliency.compute.trials import checked_ids, refuse_what_fails
from analysis.saliency.methods import WAYS, Quantity, Way
from analysis.saliency.request import Method, Target

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# A sum this small compared with its terms is nothing but rounding.
_NOTHING = 1e-3

__all__ = ["Piece", "Ran", "Restart", "Totals", "importance", "importance_pieces", "totals"]


def importance(
    model: PreTrainedModel,
    prompt_ids: Sequence[int] | Tensor,
    response_ids: Sequence[int] | Tensor,
    *,
    method: Method = "auto",
    target: Target = "log_probability",
    memory_budget: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Importance I[n, m] = E[x_n] · ∂ log p(y_m | x, y_<m) / ∂E[x_n] (METHODS 1).

    Args:
        model: Any transformers causal language model; unchanged afterwards.
        prompt_ids: N token ids x, special tokens included.
        response_ids: M token ids y that follow the prompt.
        method: ``forward`` and ``reverse`` give the same numbers, ``auto`` takes the cheaper;
            ``frozen_norms`` differentiates with the denominators of all norms constant
            (``frozen_norms_forward``, ``frozen_norms_reverse``: by that algorithm); ``occlusion``
            and ``occlusion_zeroed`` instead give the drop of p(y_m) when x_n is deleted or its
            embedding zeroed (paper eq. 1).
        target: Differentiate log p(y_m) or p(y_m). The second is p(y_m) times the first.
        memory_budget: Bytes to take besides the weights; None for a share of free memory. The
            numbers do not depend on it.
        progress: Called with (cells done, N · M) after every piece.

    Returns:
        float32 [N, M] on the CPU, signed; [N, 0] for an empty response.

    Raises:
        ProblemError: ``input`` for an empty prompt, an id outside the vocabulary or a sequence
            beyond the context window; ``model`` when the model gives no finite gradient, or
            computes something else with frozen norms.
    """
    result = torch.zeros(len(prompt_ids), len(response_ids), dtype=torch.float32)
    pieces = importance_pieces(
        model, prompt_ids, response_ids, method=method, target=target, memory_budget=memory_budget
    )
    done = 0
    for piece in pieces:
        if isinstance(piece, Restart):
            done = 0
        elif isinstance(piece, Piece):
            result[piece.rows, piece.columns] = piece.values
            done += piece.values.numel()
        if progress is not None:
            progress(done, result.numel())
    return result


def importance_pieces(
    model: PreTrainedModel,
    prompt_ids: Sequence[int] | Tensor,
    response_ids: Sequence[int] | Tensor,
    *,
    method: Method = "auto",
    target: Target = "log_probability",
    memory_budget: int | None = None,
    with_totals: bool = False,
    totals_known: Totals | None = None,
    known_map: NDArray[np.float32] | None = None,
) -> Generator[Piece | Totals | Restart, None, Ran]:
    """The map of `importance` piece by piece; closing the generator stops the work.

    Between pieces the model is in its original state: nothing is hooked, frozen or switched.

    The arguments are those of `importance`, and three more: `with_totals`, to give the row sums of
    a gradient before its map, at the cost of a backward pass; and what an earlier run with the same
    arguments gave, `totals_known` and `known_map`, float32 [N, M] with NaN for nothing. The first
    whole rows (forward, occlusion) or columns (reverse) of that map are not computed again.

    Yields:
        Blocks of whole rows (forward, occlusion) or columns (reverse). Together they cover what is
        not known of the map once, counting from the last `Restart`, if there is one, all of it.

    Returns:
        How the map was computed.

    Raises:
        ProblemError: As `importance`.
    """
    if method not in get_args(Method) or target not in get_args(Target):
        raise ValueError(f"unknown method {method!r} or target {target!r}")
    prompt, response = checked_ids(model, prompt_ids, response_ids)
    shape = shape_of(model)
    plan = Plan(shape, len(prompt), len(response), budget_of(memory_budget, model))
    dtype = str(model.dtype).removeprefix("torch.")
    way = WAYS[method]
    if way.is_derivative and way.algorithm == "auto":
        way = Way(way.quantity, plan.cheapest())
    if not len(response):
        return Ran(way.method, "", dtype)
    why = refuse_what_fails(model, prompt, response, way.quantity)
    rows_known, columns_known = leading(known_map)
    if not way.is_derivative:
        zeroed = way.quantity == "occlusion_zeroed"
        note = yield from occlusion(model, prompt, response, plan, zeroed=zeroed, first=rows_known)
        return Ran(way.method, note, dtype)
    rule, is_forward = RULES[way.quantity], way.algorithm == "forward"
    sums, certificate, known = totals_known, None, None
    with_totals = with_totals and totals_known is None
    if with_totals or is_forward:
        read = partial(Sums, model, prompt, response, plan, rule)
        graph = read()
        # Forward mode finds this out itself, because it reads the text in blocks.
        if with_totals or not is_forward:
            graph.refuse_changed_beginning()
        known = graph.known()
        if with_totals:
            terms = graph.along(known.factors(target))
            sums = Totals(
                finite(terms.sum(dim=1), model.dtype),
                finite(known.probabilities, model.dtype),
                _worth(terms, model.dtype, way.quantity),
            )
            yield sums
        certificate = Certificate(graph, partial(read, nudged=True)) if is_forward else None
        del graph  # Frees it before the method allocates its own.
    why = f"{why} {sums.note if sums else ''}".strip()
    if known is not None and certificate is not None:
        try:
            note = yield from forward(
                model, prompt, response, target, plan, known, certificate, rule, first=rows_known
            )
            return Ran(way.method, f"{why} {note}".strip(), dtype, certificate.difference)
        except NoForwardModeError:
            why += " The model cannot do forward mode; reverse mode gave the same numbers."
        except FailedRowsError:
            why += (
                " Forward mode gave other numbers than a backward pass, as it does where it loses "
                "a derivative on its way through a model; none of its numbers is here. "
                "Reverse mode was taken instead."
            )
        yield Restart()
        known_map, columns_known = None, 0
    columns = reverse(model, prompt, response, target, plan, rule, first=columns_known)
    if sums is None:
        note, difference = (yield from columns), None
    else:
        before = None if known_map is None else known_map[:, :columns_known]
        note, difference = yield from _compared(columns, sums.values, before)
    ran = Way(way.quantity, "reverse")
    return Ran(ran.method, f"{why.strip()} {note}".strip(), dtype, difference)


def _worth(terms: Tensor, dtype: torch.dtype, quantity: Quantity) -> str:
    """A caveat about totals that are sums of terms [N, D]; empty for none."""
    least = max(_NOTHING, torch.finfo(dtype).eps / 4)
    if bool((terms.sum(dim=1).abs() > least * terms.abs().sum(dim=1)).any()):
        return ""
    if quantity == "frozen_norms":
        return (
            "What the numbers of an embedding contribute cancels out but for rounding, and so does "
            "this map. Occlusion says more."
        )
    return (
        "This model divides every embedding by its own size before it does anything else. Making "
        "one longer changes nothing then: gradient times embedding is zero but for rounding, and "
        "so is this map. Frozen norms and occlusion say more."
    )


def _compared(
    pieces: Pieces, totals: Tensor, before: NDArray[np.float32] | None
) -> Generator[Piece, None, tuple[str, float]]:
    """The columns of a map, then a note and how far their sum is from the totals; see `Ran`.

    `before` are the columns that were known.
    """
    found = torch.zeros_like(totals, dtype=torch.float64)
    if before is not None:
        found += torch.from_numpy(before.sum(axis=1, dtype=np.float64))
    while True:
        try:
            piece = next(pieces)
        except StopIteration as stop:
            apart = float((found - totals).abs().max())
            return stop.value, apart / max(float(totals.abs().max()), 1e-300)
        found[piece.rows] += piece.values.sum(dim=1, dtype=torch.float64)
        yield piece
