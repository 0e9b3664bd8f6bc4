"""One tiny model, what the definitions say of it, and how what `analysis` says compares."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from analysis.engine.generation import generate
from analysis.engine.loading import LoadedModel
from analysis.events import ModelFacts
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from analysis.saliency.compute import importance as saliency
from analysis.saliency.compute.totals import Derivative
from analysis.saliency.request import Method
from tests.families import reference
from tests.families.constant_norms import constant_norms
from tests.families.models import exact, tiny
from tests.families.outside import CUTS_ITS_GRADIENT
from tests.families.texts import LONG_PROMPT, LONG_RESPONSE, TEXTS, Text

GRADIENTS: tuple[Method, ...] = ("forward", "reverse")
FROZEN: tuple[Method, ...] = ("frozen_norms_forward", "frozen_norms_reverse")
OCCLUSIONS: tuple[Method, ...] = ("occlusion", "occlusion_zeroed")
NEW_TOKENS = 12

# How far a map in float32 may be off, as a share of a column's scale; where rounding alone takes a
# plain loop in float32 further than a third of it, three times as far as that loop.
_CLOSE, _TIMES_PLAIN = 1e-3, 3.0
# Rounding is a share of the terms that are summed; where they cancel out, that is much of a sum.
_SHARE_OF_TERMS = 1e-2


class Outcome(NamedTuple):
    """How a result compares with its reference.

    Attributes:
        state: ``exact``, ``wrong``, ``refused`` (in words), or ``fault`` (any other exception).
        detail: By how much it is off, or what was raised.
    """

    state: str
    detail: str


class Reference(NamedTuple):
    """What the definition says.

    Attributes:
        values: float64 [N, M].
        scale: [M], what a difference in a column is measured by.
        plain: How far the same loop in float32 is off.
    """

    values: Tensor
    scale: Tensor
    plain: Callable[[], float]

    def apart(self, computed: Tensor) -> float:
        """The largest difference, by its column's scale."""
        if computed.shape != self.values.shape or not bool(computed.isfinite().all()):
            return float("inf")
        return float(((computed.double() - self.values).abs() / self.scale).max())

    def outcome(self, compute: Callable[[], Tensor]) -> Outcome:
        """How what is computed compares."""
        found = _tried(compute)
        if isinstance(found, Outcome):
            return found
        apart = self.apart(found)
        good = apart <= _CLOSE or apart <= _TIMES_PLAIN * self.plain()
        return Outcome("exact" if good else "wrong", f"{apart:.1g}")


class Family:
    """A tiny model with its references, each computed once.

    Args:
        name: One of `models.NAMES`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.model = tiny(name)
        # Before the first pass: some modules keep what they have read.
        self.double = exact(self.model)
        self.definition = cache(self._definition)
        self.gradients = cache(self._gradients)
        self.occlusions = cache(self._occlusions)

    def outcomes(self) -> dict[str, list[Outcome]]:
        """Everything that is compared, by what it is called."""
        return {
            **{method: self.importance(method) for method in GRADIENTS},
            **self.frozen_norms(),
            **{method: self.occlusion(method) for method in OCCLUSIONS},
            "totals": [self.totals()],
            "generation": [self.generation()],
        }

    def importance(self, method: Method) -> list[Outcome]:
        """Maps of every text by a gradient method."""
        return [
            self.gradients(number).outcome(lambda text=text: self._map(text, method))
            for number, text in enumerate(TEXTS)
        ]

    def frozen_norms(self) -> dict[str, list[Outcome]]:
        """Maps of a text with frozen norms by each algorithm, and their sums without a map."""
        values, terms = self._frozen(self.double)
        scale = torch.maximum(values.abs().amax(dim=0), _SHARE_OF_TERMS * terms)
        maps = Reference(values, scale, lambda: maps.apart(self._frozen(self.model)[0]))
        found = {
            method: [maps.outcome(lambda method=method: self._map(LONG_RESPONSE, method))]
            for method in FROZEN
        }
        return {**found, "frozen_norms_totals": [self._totals(maps, "frozen_norms")]}

    def occlusion(self, method: Method) -> list[Outcome]:
        """Maps by occlusion, of the texts from whose prompt a token can be left out."""
        return [
            self.occlusions(number, method).outcome(lambda text=text: self._map(text, method))
            for number, text in enumerate((LONG_RESPONSE, LONG_PROMPT))
        ]

    def totals(self) -> Outcome:
        """The sums of a map's rows, without the map."""
        return self._totals(self.gradients(0), "gradient")

    def generation(self) -> Outcome:
        """The greedy response: transformers' own, or the one that the maps' passes lead to.

        None at all where transformers cannot generate.
        """
        found = _tried(lambda: response(self.model))
        if isinstance(found, Outcome):
            return found
        good = self.greedy is not None and found in (self.greedy, self.plainly_greedy)
        return Outcome("exact" if good else "wrong", "" if good else f"{found}")

    @cached_property
    def greedy(self) -> list[int] | None:
        """The response that transformers generates; None where it cannot."""
        try:
            return reference.greedy(self.model, LONG_RESPONSE.prompt, NEW_TOKENS)
        except Exception:
            return None

    @cached_property
    def plainly_greedy(self) -> list[int]:
        """The most probable token after a plain pass, again and again."""
        ids = list(LONG_RESPONSE.prompt)
        with torch.no_grad():
            for _ in range(NEW_TOKENS):
                ids.append(int(reference.last_logits(self.model, ids).argmax()))
        return ids[len(LONG_RESPONSE.prompt) :]

    def _totals(self, single: Reference, method: Derivative) -> Outcome:
        values = single.values.sum(dim=1, keepdim=True)
        scale = torch.maximum(values.abs().amax(dim=0), _SHARE_OF_TERMS * single.scale.sum())
        summed = Reference(values, scale, lambda: summed.apart(plain().sum(1, keepdim=True)))

        def plain() -> Tensor:
            return self._plain(0) if method == "gradient" else self._frozen(self.model)[0]

        return summed.outcome(
            lambda: saliency.totals(self.model, *LONG_RESPONSE, method=method)[:, None]
        )

    def _frozen(self, model: PreTrainedModel) -> tuple[Tensor, Tensor]:
        with constant_norms(model):
            return reference.importance(model, *LONG_RESPONSE)

    def _definition(self, number: int) -> tuple[Tensor, Tensor]:
        """What backward passes in float64 find in a text."""
        return reference.importance(self.double, *TEXTS[number])

    def _gradients(self, number: int) -> Reference:
        values, terms = self.definition(number)
        if self.name in CUTS_ITS_GRADIENT:
            values = reference.slopes(self.double, *TEXTS[number])
        scale = torch.maximum(values.abs().amax(dim=0), _SHARE_OF_TERMS * terms)
        found = Reference(values, scale, lambda: found.apart(self._plain(number)))
        return found

    def _plain(self, number: int) -> Tensor:
        """The same loop in float32; the reference where no backward pass finds the derivative."""
        if self.name in CUTS_ITS_GRADIENT:
            return self.gradients(number).values
        return reference.importance(self.model, *TEXTS[number])[0]

    def _occlusions(self, number: int, method: Method) -> Reference:
        text, zeroed = TEXTS[number], method == "occlusion_zeroed"
        values, chances = reference.occlusion(self.double, *text, zeroed=zeroed)
        scale = torch.maximum(values.abs().amax(dim=0), _SHARE_OF_TERMS * chances)
        found = Reference(
            values,
            scale,
            lambda: found.apart(reference.occlusion(self.model, *text, zeroed=zeroed)[0]),
        )
        return found

    def _map(self, text: Text, method: Method) -> Tensor:
        return saliency.importance(self.model, *text, method=method)


def asked_of_an_outsider(model: PreTrainedModel) -> dict[str, Outcome]:
    """What becomes of the questions to a model that has no map: one that it gives is wrong."""
    questions: dict[str, Callable[[], Tensor]] = {
        method: lambda method=method: saliency.importance(model, *LONG_RESPONSE, method=method)
        for method in (*GRADIENTS, *OCCLUSIONS)
    }
    questions["totals"] = lambda: saliency.totals(model, *LONG_RESPONSE)
    outcomes = {}
    for name, question in questions.items():
        found = _tried(question)
        given = isinstance(found, Tensor)
        outcomes[name] = Outcome("wrong", "there is no such map") if given else found
    said = _tried(lambda: response(model))
    outcomes["generation"] = said if isinstance(said, Outcome) else Outcome("exact", "")
    return outcomes


def response(model: PreTrainedModel) -> list[int]:
    """The greedy response as `analysis` generates it."""
    facts = ModelFacts("m", "", 0, 0, 0, 0, "cpu", "float32", False, "", 0.0)
    # Its end is configured, so that nobody asks the tokenizer.
    tokenizer: Any = None
    loaded = LoadedModel(ModelChoice("m", "/m"), model, tokenizer, facts, torch.device("cpu"))
    return list(generate(loaded, LONG_RESPONSE.prompt, NEW_TOKENS))


def _tried(compute: Callable[[], Any]) -> Any:
    try:
        return compute()
    except ProblemError as error:
        # That the model is to blame; any other kind would blame the user.
        return Outcome("refused" if error.problem.kind == "model" else "fault", str(error))
    except Exception as error:  # Whatever a model raises is a fault: nobody said it in words.
        return Outcome("fault", f"{type(error).__name__}: {error}")
