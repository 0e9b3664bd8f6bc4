"""Links from one view to a place in another, as data, so that no view imports another.

A view opens a link through `app.frame.shell.Shell`, which passes it to `View.open` of the target.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.neurons.instructions import InstructionSet
    from analysis.neurons.pair import Thresholds
    from analysis.problems import Problem
    from analysis.saliency.cases.case import CaseText
    from analysis.saliency.map import SaliencyMap
    from analysis.saliency.request import AttributionRequest
    from app.state import Prompt


@dataclass(frozen=True)
class Link:
    """A place in the view whose id is `view`."""

    view: ClassVar[str]


@dataclass(frozen=True)
class PromptLink(Link):
    """A prompt to compute both models' maps of; without `requests`, in the default way."""

    view = "saliency"
    prompt: Prompt
    requests: Sequence[AttributionRequest] | None = None


@dataclass(frozen=True)
class DivergenceLink(Link):
    """A response read by both models.

    Attributes:
        prompt: What it answers.
        writer: Whose it is.
        place: Its token, from 0; None for the first at which the models part.
    """

    view = "divergence"
    prompt: Prompt
    writer: Literal["base", "tuned"] = "tuned"
    place: int | None = None


class StoredMap(NamedTuple):
    """A model's map in a case library; `shown` is None if it cannot be read."""

    model: str
    shown: SaliencyMap | None
    note: str = ""
    problem: Problem | None = None


@dataclass(frozen=True)
class MapsLink(Link):
    """The one or two maps of a stored case."""

    view = "saliency"
    case_id: str
    prompt: str
    maps: tuple[StoredMap, ...]
    text: CaseText


@dataclass(frozen=True)
class CaseLink(Link):
    """A stored case, to be read by the list of cases and shown."""

    view = "cases"
    case_id: str


@dataclass(frozen=True)
class StepLink(Link):
    """The next (1) or the previous (-1) case in the list."""

    view = "cases"
    by: int


@dataclass(frozen=True)
class MarksLink(Link):
    """The prompt entry, after its marks were changed elsewhere."""

    view = "prompt"
    prompt: Prompt


@dataclass(frozen=True)
class HeadLink(Link):
    """An attention head."""

    view = "heads"
    layer: int
    head: int


@dataclass(frozen=True)
class ComponentLink(Link):
    """A principal component.

    Attributes:
        layer: From 0.
        component: Rank in the layer, from 0.
        side: The base model's component (0) or the tuned model's (1).
        expert: From 0; -1 for a dense layer.
    """

    view = "concepts"
    layer: int
    component: int
    side: int = 0
    expert: int = -1


@dataclass(frozen=True)
class UnitsLink(Link):
    """A list of neurons or experts.

    Attributes:
        unit: Neurons or experts.
        categories: The names of one category, or of several that overlap.
        layer: One layer; None for all of them.
        kind: Which of the units.
        instructions: The instructions behind the sets; replaces the set that is loaded.
        thresholds: The thresholds of the sets.
    """

    view = "components"
    unit: Literal["neurons", "experts"]
    categories: tuple[str, ...]
    layer: int | None
    kind: Literal["all", "unique"]
    instructions: InstructionSet
    thresholds: Thresholds


@dataclass(frozen=True)
class NeuronLink(Link):
    """What a neuron of a dense layer writes; both from 0."""

    view = "components"
    layer: int
    neuron: int


@dataclass(frozen=True)
class ClustersLink(Link):
    """The hidden states of a layer of the base (0) or the tuned (1) model."""

    view = "clusters"
    layer: int
    side: int
    label: int = 0
