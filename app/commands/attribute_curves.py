"""``insttui attribute --curves``: the response while prompt tokens are deleted and inserted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.saliency.curves import Judged, Orders, token_weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analysis.saliency.request import AttributionRequest
    from analysis.saliency.result import Attribution
    from analysis.session.session import Session


def curves_of(
    session: Session,
    request: AttributionRequest,
    explained: dict[str, Attribution],
    steps: int,
) -> Judged:
    """Judge the orders of explanations of one response.

    Args:
        session: Answers.
        request: What was asked for the response.
        explained: The explanations by name, of the same response; the first is that of `request`.
        steps: In how many steps all tokens are deleted.
    """
    from app.commands.session import run_with_progress

    weights = {name: _weights(each) for name, each in explained.items()}
    orders = Orders.of(request, next(iter(explained.values())), weights, steps=steps)
    return orders.judged(run_with_progress(session, orders.request))


def _weights(explained: Attribution) -> NDArray[np.floating]:
    if explained.method.endswith("totals"):
        return explained.totals
    return token_weights(explained.importance, explained.prompt_tokens.written_by_user())
