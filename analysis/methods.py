"""The one list of methods: the room of each, its view, its command and its studies.

A new method is a package of its name here and under ``app/views``, a file in ``app/commands``, and
a line in `METHODS`. The argument parser reads this for ``--help``: strings alone, and named tuples,
because dataclasses would take longer to import than all the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from analysis.studies.outlook import Outlook
    from analysis.studies.series import SeriesInput
    from analysis.studies.study import PairInput, Study


class StudySpec(NamedTuple):
    """A study that can be run: a generator function (see `analysis.studies.study`).

    Attributes:
        name: What the command line calls it.
        title: What it shows, a line.
        factory: ``module:function``, imported when the study is run.
        takes: What it works on: ``cases`` are prompts that both models answer, or a stored case
            library; ``pair`` is the two models' weights.
        word_options: What it takes of the options that name words, ``vocab`` and ``vectors``; a
            study that takes one reads weights as they are stored and builds no model.
        given: ``module:class`` of what it is given where there are models, a `PairInput`.
        works_on: What a study of a pair reads, for its reader.
        stored: ``module:class`` of what a study of a pair is given where a folder of stored
            results stands in for the models; empty where none can.
        needs_models: Whether a study of cases cannot do with stored maps.
        served: Whether a server can write the responses of a study of cases.
        alike: Whether it compares the models layer by layer, so that they must be built alike.
        outlook: ``module:function`` of an `analysis.studies.outlook.Outlook` on the same input;
            empty where nobody knows before what it asks.
    """

    name: str
    title: str
    factory: str
    takes: Literal["cases", "pair"]
    word_options: tuple[Literal["vocab", "vectors"], ...] = ()
    given: str = "analysis.studies.study:PairInput"
    works_on: str = "the weights of both models"
    stored: str = ""
    needs_models: bool = False
    served: bool = True
    alike: bool = False
    outlook: str = ""

    @property
    def takes_stored(self) -> bool:
        """Whether stored maps can stand in for models and prompts, as for all of their scores."""
        return self.takes == "cases" and not self.needs_models

    def input(self, found: Mapping[str, Any]) -> PairInput:
        """What the study is given where there are models.

        Args:
            found: What there is, by the names of the fields of `given`; the study takes what it
                needs of it.
        """
        made: PairInput = _made(self.given, found)
        return made

    def stored_input(self, found: Mapping[str, Any]) -> Any:
        """What a study of a pair is given where there are stored results; see `input`."""
        return _made(self.stored, found)

    def look_ahead(self, given: PairInput | SeriesInput) -> Outlook | None:
        """How far the study is on an input with models; None if that is not known."""
        from analysis.request import named
        from analysis.studies.series import SeriesInput, look_along

        if isinstance(given, SeriesInput):
            return look_along(given, self.look_ahead)
        found: Outlook | None = named(self.outlook)(given) if self.outlook else None
        return found

    def start(self, given: Any) -> Study:
        """The study, to be driven to its end; its p-values are corrected for their number.

        What it finds on two models is kept.

        Args:
            given: As of `input`; a case library where that stands in for models and prompts; for a
                training run, the input of every step.
        """
        from analysis.request import named
        from analysis.studies.kept import keeping
        from analysis.studies.series import SeriesInput, series_study
        from analysis.studies.study import PairInput
        from analysis.studies.testing import corrected_study

        if isinstance(given, SeriesInput):
            return series_study(self, given)

        study: Study = corrected_study(named(self.factory)(given))
        return keeping(self.name, given, study) if isinstance(given, PairInput) else study


def _made(kind: str, found: Mapping[str, Any]) -> Any:
    """A dataclass of that name, made of what it has fields for."""
    import dataclasses

    from analysis.request import named

    made = named(kind)
    names = {each.name for each in dataclasses.fields(made)}
    return made(**{name: value for name, value in found.items() if name in names})


class Method(NamedTuple):
    """A way of looking at a pair of models.

    Attributes:
        room: The package that computes it, and the one under ``app.views`` that shows it.
        view: What users know its view by: the scope of its actions, and its title.
        command: The headless command, which is its module in ``app.commands``.
        summary: What the command writes, a line of ``--help``.
        studies: Its studies, in the order in which they are offered.
        stored: Whether its view also shows what a folder of stored maps holds.
    """

    room: str
    view: tuple[str, str]
    command: str
    summary: str
    studies: tuple[StudySpec, ...]
    stored: bool = False


def studies() -> tuple[StudySpec, ...]:
    """All studies, in the order that the view and the command line offer them."""
    return tuple(study for method in METHODS for study in method.studies)


def study_of(name: str) -> StudySpec:
    """The study of a name. Raises KeyError for a name that no study has."""
    return {each.name: each for each in studies()}[name]


CHANGES_ALONG = StudySpec(
    name="changes",
    title="how much tuning changed every matrix",
    factory="analysis.changes.study:study",
    alike=True,
    outlook="analysis.changes.study:outlook",
    takes="pair",
    word_options=("vocab",),
    given="analysis.changes.study:ChangesInput",
)
"""A study along a training run alone: of one pair, its method's view and command show the same."""

METHODS = (
    Method(
        room="saliency",
        view=("saliency", "Saliency"),
        command="attribute",
        summary="importance of every prompt token for every response token, as CSV",
        studies=(
            StudySpec(
                name="density",
                title="instruction scores by rating and by model (Tables 1 and 2)",
                factory="analysis.saliency.study_density:study",
                outlook="analysis.saliency.study_outlook:of_responses",
                takes="cases",
                given="analysis.saliency.gather:AskedCases",
            ),
            StudySpec(
                name="position",
                title="importance by the place in a sentence (Fig. 6)",
                factory="analysis.saliency.study_position:study",
                outlook="analysis.saliency.study_outlook:of_responses",
                takes="cases",
                given="analysis.saliency.gather:AskedCases",
            ),
            StudySpec(
                name="faithfulness",
                title="which explanation agrees with deletion, and by how much",
                factory="analysis.saliency.study_faithfulness:study",
                outlook="analysis.saliency.study_outlook:of_methods",
                takes="cases",
                given="analysis.saliency.gather:AskedCases",
                needs_models=True,
            ),
        ),
        stored=True,
    ),
    Method(
        room="heads",
        view=("heads", "Heads"),
        command="heads",
        summary="the word pairs that attention heads relate, base against tuned, as CSV",
        studies=(
            StudySpec(
                name="heads",
                title="how attention heads changed, and their verbs (Fig. 2, Table 3)",
                factory="analysis.heads.study:study",
                alike=True,
                outlook="analysis.heads.study:outlook",
                takes="pair",
                word_options=("vocab", "vectors"),
                given="analysis.heads.study:HeadsInput",
                stored="analysis.heads.study:StoredHeadsInput",
            ),
        ),
    ),
    Method(
        room="concepts",
        view=("concepts", "Concepts"),
        command="concepts",
        summary="the principal components of feed-forward layers, base against tuned, as CSV",
        studies=(
            StudySpec(
                name="concepts",
                title="concepts of feed-forward layers (Tables 5-10, Figs. 3, 7, 8)",
                factory="analysis.concepts.study:study",
                alike=True,
                outlook="analysis.concepts.study:outlook",
                takes="pair",
                word_options=("vocab",),
                given="analysis.concepts.study:ConceptsInput",
                stored="analysis.concepts.study:StoredConceptsInput",
            ),
        ),
    ),
    Method(
        room="neurons",
        view=("components", "Neurons"),
        command="components",
        summary="the feed-forward neurons and experts that instructions need, as CSV",
        studies=(
            StudySpec(
                name="components",
                title="neurons and experts that instructions need (SPARCOM, our reading)",
                factory="analysis.neurons.study:study",
                alike=True,
                outlook="analysis.neurons.study:outlook",
                takes="pair",
                given="analysis.neurons.study:NeuronsInput",
                works_on="what both models' neurons do on instructions of its own",
            ),
        ),
    ),
    Method(
        room="clustering",
        view=("clusters", "Clusters"),
        command="clusters",
        summary="how hidden states cluster by task, base against tuned, as CSV",
        studies=(
            StudySpec(
                name="clusters",
                title="how hidden states cluster by task (Table 1 of the paper on clustering)",
                factory="analysis.clustering.study:study",
                outlook="analysis.clustering.study:outlook",
                takes="pair",
                given="analysis.clustering.study:ClustersInput",
                works_on="both models' hidden states on tasks of its own",
            ),
        ),
    ),
    Method(
        room="changes",
        view=("changes", "Changes"),
        command="changes",
        summary="how much tuning changed every matrix, and in which directions, as CSV",
        studies=(),
    ),
    Method(
        room="divergence",
        view=("divergence", "Divergence"),
        command="diverge",
        summary="where base and tuned part on one response, token by token, as CSV",
        studies=(
            StudySpec(
                name="divergence",
                title="where tuned departs from base: by position, by kind of token, by task",
                factory="analysis.divergence.study:study",
                outlook="analysis.divergence.study_input:outlook",
                takes="cases",
                given="analysis.divergence.study_input:DivergenceInput",
                needs_models=True,
                served=False,
            ),
        ),
    ),
)
