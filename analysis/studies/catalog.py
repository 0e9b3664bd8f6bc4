"""The one list of studies, in the order that the view and the command line offer them.

A new study is a generator function (see `study`) and a line here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    # The argument parser lists the studies, and must not pay for what they work with.
    from analysis.studies.study import PairInput, Study


@dataclass(frozen=True)
class StudySpec:
    """A study that can be run.

    Attributes:
        name: What the command line calls it.
        title: What it shows, a line.
        factory: ``module:function``, imported when the study is run.
        takes: What it works on: ``cases`` are prompts that both models answer, or a stored case
            library; ``pair`` is the two models' weights.
        word_options: What it takes of the options that name words, ``vocab`` and ``vectors``; a
            study that takes one reads weights as they are stored and builds no model.
        given: ``module:class`` of what it is given where there are models, a `PairInput`.
    """

    name: str
    title: str
    factory: str
    takes: Literal["cases", "pair"]
    word_options: tuple[Literal["vocab", "vectors"], ...] = ()
    given: str = "analysis.studies.study:PairInput"

    def input(self, found: Mapping[str, Any]) -> PairInput:
        """What the study is given where there are models.

        Args:
            found: What there is, by the names of the fields of `given`; the study takes what it
                needs of it.
        """
        from analysis.request import named

        kind: type[PairInput] = named(self.given)
        names = {each.name for each in dataclasses.fields(kind)}
        return kind(**{name: value for name, value in found.items() if name in names})

    def start(self, given: Any) -> Study:
        """The study, to be driven to its end.

        Args:
            given: As of `input`; a case library where that stands in for models and prompts.
        """
        from analysis.request import named

        study: Study = named(self.factory)(given)
        return study


STUDIES = (
    StudySpec(
        name="density",
        title="instruction scores by rating and by model (Tables 1 and 2)",
        factory="analysis.saliency.study_density:study",
        takes="cases",
        given="analysis.saliency.gather:AskedCases",
    ),
    StudySpec(
        name="position",
        title="importance by the place in a sentence (Fig. 6)",
        factory="analysis.saliency.study_position:study",
        takes="cases",
        given="analysis.saliency.gather:AskedCases",
    ),
    StudySpec(
        name="heads",
        title="how attention heads changed, and their verbs (Fig. 2, Table 3)",
        factory="analysis.heads.study:study",
        takes="pair",
        word_options=("vocab", "vectors"),
        given="analysis.heads.study:HeadsInput",
    ),
    StudySpec(
        name="concepts",
        title="concepts of feed-forward layers (Tables 5-10, Figs. 3, 7, 8)",
        factory="analysis.concepts.study:study",
        takes="pair",
        word_options=("vocab",),
        given="analysis.concepts.study:ConceptsInput",
    ),
    StudySpec(
        name="components",
        title="neurons and experts that instructions need (SPARCOM, our reading)",
        factory="analysis.neurons.study:study",
        takes="pair",
        given="analysis.neurons.study:NeuronsInput",
    ),
    StudySpec(
        name="clusters",
        title="how hidden states cluster by task (Table 1 of the paper on clustering)",
        factory="analysis.clustering.study:study",
        takes="pair",
    ),
)


def study_of(name: str) -> StudySpec:
    """The study of a name. Raises KeyError for a name that is not in `STUDIES`."""
    return {each.name: each for each in STUDIES}[name]
