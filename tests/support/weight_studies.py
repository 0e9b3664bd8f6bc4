"""Studies of weights on scripted pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from analysis.concepts.request import ConceptsRequest
from analysis.concepts.study import ConceptsInput
from analysis.events import Event, Finished, Progress
from analysis.heads.request import HeadPairsRequest, NeuronPairsRequest
from analysis.heads.study import HeadsInput
from analysis.models.request import ArchitectureRequest
from analysis.request import ModelChoice, Request
from analysis.words.choice import Words, WordVectors
from tests.support.scripted_concepts import layer_concepts
from tests.support.scripted_session import ScriptedSession
from tests.support.scripted_weights import architecture, head_pairs, neuron_pairs, words_paired

BASE, TUNED = (ModelChoice(name, f"/nowhere/{name}") for name in ("demo-base", "demo-tuned"))

MORE_VERBS = words_paired(
    "translate=tongue explain=reason summarize=text make=thing find=place go=home run=race "
    "walk=path eat=bread drink=water write=book classify=kind"
)
"""Word pairs of enough verbs of both kinds for Table 3."""


def script(
    *,
    layers: int = 8,
    experts: int = 0,
    heads: Callable = head_pairs,
    concepts: Callable = layer_concepts,
    shapes: dict[str, int] | None = None,
    gaps: dict[str, object] | None = None,
) -> Callable[[Request], Iterator[Event]]:
    """Answers requests about weights.

    Args:
        layers: L of both models.
        experts: Of both models.
        heads: Answers about heads.
        concepts: Answers about components.
        shapes: Heads of a layer, for models by name.
        gaps: What else is said of both models' architectures.
    """

    def answer(request: Request) -> Iterator[Event]:
        if isinstance(request, ArchitectureRequest):
            count = (shapes or {}).get(request.model.name, 8)
            built = architecture(request, layers=layers, heads=count)
            yield Finished(msgspec.structs.replace(built, experts=experts, **(gaps or {})))
        elif isinstance(request, HeadPairsRequest):
            yield Progress("heads", 1, 8, "heads")
            yield Finished(heads(request))
        elif isinstance(request, NeuronPairsRequest):
            yield Finished(neuron_pairs(request))
        elif isinstance(request, ConceptsRequest):
            yield Finished(concepts(request))

    return answer


@dataclass(frozen=True)
class WeightsInput(HeadsInput, ConceptsInput):
    """What either study of weights is given."""


def pair(base: ModelChoice = BASE, tuned: ModelChoice = TUNED, **changes: object) -> WeightsInput:
    """What a study of weights is given; `options` apart, the rest goes to `script`."""
    options = changes.pop("options", {})
    return WeightsInput(
        session=ScriptedSession(script(**changes)),  # type: ignore[arg-type]
        base=base,
        tuned=tuned,
        words=Words("demo"),
        vectors=WordVectors("demo"),
        **options,  # type: ignore[arg-type]
    )
