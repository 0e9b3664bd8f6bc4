"""What a study is going to ask, and how much of it is stored: how far it is, and what it costs.

It is told from requests alone, so that no model is loaded for it. Some requests depend on answers;
as long as these are not there, they are counted, and priced as others of their kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.models import checkpoint
from analysis.models.places import place_of
from analysis.models.request import Architecture, ArchitectureRequest
from analysis.problems import ProblemError
from analysis.request import Ask, Request

if TYPE_CHECKING:
    from analysis.request import ModelChoice
    from analysis.session.drive import Answerer
    from analysis.studies.study import PairInput

_LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
_HEADS = ("num_attention_heads", "n_head", "num_heads", "n_heads")


@dataclass(frozen=True)
class Outlook:
    """How far a study is.

    Attributes:
        asked: How many answers it takes, as far as that is known.
        kept: How many of them are stored.
        missing: The others, or others that cost as much.
        more: What comes on top, of which nobody knows before how much it is; empty for nothing.
    """

    asked: int
    kept: int
    missing: tuple[Request[Any], ...]
    more: str = ""

    @classmethod
    def of(cls, session: Answerer, requests: Iterable[Request[Any]]) -> Outlook:
        """Look up which of these are stored."""
        every = list(requests)
        missing = tuple(each for each in every if not session.holds(each))
        return cls(len(every), len(every) - len(missing), missing)

    @classmethod
    def of_asks(cls, session: Answerer, asks: Iterable[Ask[Any]]) -> Outlook:
        return cls.of(session, (request for ask in asks for request in ask.requests))

    def with_others(self, others: int, kept: int, like: Sequence[Request[Any]]) -> Outlook:
        """Count `others` more requests, `kept` of them stored, that cost as much as these."""
        missing = tuple(like[number % len(like)] for number in range(others - kept))
        return Outlook(self.asked + others, self.kept + kept, (*self.missing, *missing))


def architecture_of(given: PairInput) -> Architecture | None:
    """What the pair is built of: as stored, else by the base model's configuration, roughly.

    None where that does not say.
    """
    stored = given.session.cached(ArchitectureRequest(given.base))
    return stored or _sketched(given.base)


def _sketched(model: ModelChoice) -> Architecture | None:
    try:
        place = place_of(model)
        found = None if place is None else checkpoint.inspect(place.folder)
    except (OSError, ProblemError):
        return None
    if found is None:
        return None
    config = found.config.get("text_config") or found.config
    layers, heads = (
        next((config[each] for each in names if isinstance(config.get(each), int)), None)
        for names in (_LAYERS, _HEADS)
    )
    if layers is None or heads is None:
        return None
    return Architecture(model.name, "", layers, heads, heads, 0, 0, 0, 0)
