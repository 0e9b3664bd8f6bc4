"""The description shown for each component: that of the first repeat that has one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analysis.concepts.annotation.annotation import Annotation, Subject
from analysis.concepts.changes import component_words
from analysis.concepts.result import LayerConcepts
from analysis.concepts.tables import Description


class FirstDescriptions:
    """Looks annotations up by component. The first repeat is the one without sampling."""

    def __init__(self, annotations: Iterable[Annotation]) -> None:
        """Args: annotations, with a subject's repeats in order."""
        self._found: dict[tuple[str, int, int, int], Description] = {}
        for each in annotations:
            if each.description is not None:
                subject = each.subject
                place = (subject.model, subject.layer, subject.expert, subject.component)
                description = Description(each.description, each.scenarios, each.level)
                self._found.setdefault(place, description)

    def __len__(self) -> int:
        return len(self._found)

    def find(self, model: str, layer: int, expert: int, component: int) -> Description | None:
        return self._found.get((model, layer, expert, component))


def subjects_of(layers: Sequence[LayerConcepts]) -> list[Subject]:
    """Every component of some layers to be described, base before tuned, by rank."""
    return [
        Subject(side.model, each.layer, component, component_words(side, component), each.expert)
        for each in layers
        for side in (each.base, each.tuned)
        for component in range(len(side.word_indices))
    ]
