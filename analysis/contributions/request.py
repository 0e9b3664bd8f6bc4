"""Requests about what adds to one token's logit at one position (METHODS 17)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.concepts.request import RANK
from analysis.request import ModelChoice, Request

if TYPE_CHECKING:
    from analysis.contributions.result import Contributions


class ContributionsRequest(Request["Contributions"], frozen=True, tag="contributions"):
    """Direct contributions to a token's logit at one position; answered by `Contributions`.

    Attributes:
        model: The model that is taken apart.
        prompt: The user's text, as typed.
        chat_template: Wrap the prompt in the model's chat template first.
        response_ids: The response's tokens before the position; none for its first token.
        token: Whose logit; None for the model's greedy choice.
        rival: Another token: then everything is of logit(token) − logit(rival).
        neurons: How many neurons of each dense layer are listed, by falling |contribution|.
        components: How many principal components of a layer the listed neurons are compared with;
            0 for no comparison. The first as `ConceptsRequest` counts them.
    """

    analysis = "contributions"
    function = "analysis.contributions.compute.contributions:contributions"
    result = "analysis.contributions.result:Contributions"

    model: ModelChoice
    prompt: str
    chat_template: bool = False
    response_ids: tuple[int, ...] = ()
    token: int | None = None
    rival: int | None = None
    neurons: int = 10
    components: int = RANK
