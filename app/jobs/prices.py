"""What analyses will cost, in seconds, from what they cost on this machine before.

Each costs about so much a parameter of the models that it reads, and a text that they read; where a
response is written or explained, in proportion to how long it may get. Where nothing was measured
yet, a figure of one core of a server stands in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.request import Ask, ModelChoice, Request

FREE_S = 10.0
"""What costs no more is done without being asked for."""

# Seconds a parameter and text on one core, by analysis.
_ON_ONE_CORE = {
    "attribution": 1.2e-6,
    "curves": 1.2e-6,
    "head pairs": 1e-6,
    "neuron pairs": 3e-7,
    "concepts": 1e-6,
    "changes": 1e-6,
    "divergence": 3e-7,
    "frequencies": 3e-8,
    "task clusters": 2e-9,
}
# Of fewer texts, what is spent once costs most: they say little of many.
_TELLING = {"task clusters": 1000}
# Tokens of a response that its price is of: the most that the app asks for.
_RESPONSE = 300
# The share of a new measurement in what is known.
_NEW = 0.3
_LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")


class Prices:
    """Seconds of analyses; `known` is what was learnt, by analysis, and grows."""

    def __init__(self, known: Mapping[str, float] | None = None) -> None:
        self.known = dict(known or {})

    def of(self, asks: Iterable[Ask[Any]]) -> float | None:
        """Seconds of all these requests; None if that is not known of one of them."""
        return self.of_requests(request for ask in asks for request in ask.requests)

    def of_requests(self, requests: Iterable[Request[Any]]) -> float | None:
        """As `of`."""
        seconds = 0.0
        for request in requests:
            price = self.known.get(request.analysis, _ON_ONE_CORE.get(request.analysis))
            amount = _amount(request)
            if price is None or amount is None:
                return None
            seconds += price * amount
        return seconds

    def measured(self, requests: Iterable[Request[Any]]) -> bool:
        """Whether what is known of all of these was measured on this machine."""
        return all(request.analysis in self.known for request in requests)

    def learn(self, request: Request[Any], seconds: float) -> None:
        """Take in what a request cost; called on any thread."""
        if request.analysis not in _ON_ONE_CORE or not (amount := _amount(request)):
            return
        if _texts(request) < _TELLING.get(request.analysis, 0):
            return
        price = seconds / amount
        before = self.known.get(request.analysis, price)
        self.known[request.analysis] = (1 - _NEW) * before + _NEW * price


def _amount(request: Request[Any]) -> float | None:
    """The parameters that a request reads, times its texts; None if a model is not at hand."""
    of_a_layer = hasattr(request, "layer")
    found = 0.0
    for model in request.models():
        size = _size(model)
        if size is None:
            return None
        parameters, layers = size
        found += parameters / (layers if of_a_layer else 1)
    return found * _texts(request) * _length(request)


def _texts(request: Request[Any]) -> int:
    """How many texts the models read."""
    return len(getattr(request, "prompts", ())) or getattr(request, "instances", 0) or 1


def _length(request: Request[Any]) -> float:
    """How long a response may get, against `_RESPONSE`; 1 for requests without one."""
    given = getattr(request, "response_ids", None)
    most: int = len(given) if given else getattr(request, "max_new_tokens", _RESPONSE)
    return most / _RESPONSE


@lru_cache(16)
def _size(model: ModelChoice) -> tuple[float, int] | None:
    """The number of a model's parameters and of its layers; None if it is not at hand."""
    # The first paint does without.
    from analysis.models import checkpoint
    from analysis.models.places import place_of
    from analysis.problems import ProblemError

    try:
        place = place_of(model)
        if place is None:
            return None
        files = checkpoint.inspect(place.folder)
        parameters = files.bytes_in_memory("float32") / 4
    except (OSError, ProblemError):
        return None
    config = files.config.get("text_config") or files.config
    layers = next((config[name] for name in _LAYERS if isinstance(config.get(name), int)), 1)
    return parameters, max(1, layers)
