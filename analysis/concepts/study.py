"""Figs. 3, 7, 8 and Tables 5-10 of the paper: feed-forward concepts (METHODS 3, paper 5.2).

Descriptions are read from earlier answers of a language model; the study itself asks none.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from msgspec.structs import replace

from analysis.concepts.annotation.annotation import REPEATS, Annotation
from analysis.concepts.annotation.answer_file import AnswerFile
from analysis.concepts.annotation.by_layer import LAYER_GROUPS
from analysis.concepts.annotation.first_descriptions import FirstDescriptions, subjects_of
from analysis.concepts.annotation.questions import read_annotations
from analysis.concepts.annotation.stored import open_annotations
from analysis.concepts.annotation.templates import Templates, load_templates
from analysis.concepts.gather import concept_asks, places
from analysis.concepts.request import RANK, TOP_WORDS, Measure
from analysis.concepts.result import LayerConcepts
from analysis.concepts.study_descriptions import Described
from analysis.concepts.study_rotations import UNRELATED_SEED, Rotations, unrelated_angle
from analysis.concepts.tables import concepts_table
from analysis.events import Progress
from analysis.models.request import Architecture, passed_over
from analysis.request import Ask
from analysis.session.drive import Asker
from analysis.studies.findings import Findings, NamedTable
from analysis.studies.outlook import Outlook, architecture_of
from analysis.studies.parameters import weight_parameters
from analysis.studies.study import PairInput, Study
from analysis.words.choice import Words


@dataclass(frozen=True)
class ConceptsInput(PairInput):
    """A pair of models, words, and a file of descriptions by the language model `annotator`.

    `answers` is empty for no descriptions; `templates` is the file of the prompts, None for ours.
    `rank` is R, `component_words` K and `measure` how the words of a component are ranked (METHODS
    3); `level_groups` is the number of groups of layers of Fig. 3 and Tables 7-10.
    """

    FILES = ("answers", "templates")

    words: Words
    _: KW_ONLY
    answers: str = ""
    annotator: str = ""
    templates: str | None = None
    rank: int = RANK
    component_words: int = TOP_WORDS
    measure: Measure = "cosine"
    level_groups: int = LAYER_GROUPS


@dataclass(frozen=True)
class StoredConceptsInput:
    """A folder of annotations, in place of models; see `analysis.concepts.annotation.stored`."""

    folder: Path
    level_groups: int = LAYER_GROUPS


def outlook(given: ConceptsInput) -> Outlook | None:
    """How far the study is; None if it is not known what the models are built of."""
    built = architecture_of(given)
    return None if built is None else Outlook.of_asks(given.session, _asks(given, built))


def _asks(given: ConceptsInput, built: Architecture) -> list[Ask[LayerConcepts]]:
    settled = given.rank, given.component_words, given.measure
    return concept_asks(given.pair, places(built, range(built.layers)), given.words, *settled)


def study(given: ConceptsInput | StoredConceptsInput) -> Study:
    """How much variance components explain, how tuning turned them, and what they mean.

    Raises:
        ProblemError: ``input`` when the models differ in architecture; whatever prevents reading
            a model's weights or the descriptions; ``storage`` for a folder that holds none.
    """
    if isinstance(given, StoredConceptsInput):
        return (yield from _of_stored(given))
    asker, pair, words = Asker(given.session), given.pair, given.words
    # Checked before hours of work, since the file may be missing.
    templates = load_templates(Path(given.templates) if given.templates else None)
    built = yield from asker.architecture(*pair)
    asks = _asks(given, built)
    asker.note(*filter(None, [passed_over(built.without_network, range(built.layers))]))
    layers: list[LayerConcepts] = yield from asker.answers(
        "finding components", asks, lambda layer: layer, lambda layer: layer.notes
    )
    yield Progress("reading descriptions", 0, None)
    named, names = _told_apart(layers, given.base.name, given.tuned.name)
    annotations = _annotations(given, named, templates)
    count = min(len(each.base.explained_variance) for each in named)
    rotations = Rotations(named, names, unrelated_angle(built.width, count))
    described = Described(tuple(annotations), names, given.level_groups) if annotations else None
    return Findings(
        study="concepts",
        title="Concepts of feed-forward layers and how tuning turned them",
        statements=(*rotations.sentences(), *(described.sentences() if described else ())),
        tables=(
            rotations.layer_table(),
            rotations.variance_table(),
            NamedTable(
                "components",
                "Every component of both models",
                concepts_table(named, FirstDescriptions(annotations)),
                opens="component",
                note="Layers and components count from 0. Words stand best first, with a minus "
                "where they lie on the other side; the angle is that to the matched component of "
                "the other model, in degrees.",
            ),
            rotations.words_table(),
            rotations.angle_table(),
            *(described.tables() if described else ()),
        ),
        figures=(*rotations.figures(), *(described.figures() if described else ())),
        parameters={
            **weight_parameters(*pair, {each.device for each in layers}, words),
            "most components of a layer": given.rank,
            "words of a component": given.component_words,
            "measure of words": given.measure,
            "seed of unrelated components": UNRELATED_SEED,
            **({"groups of layers": given.level_groups} if described else {}),
            **({"annotator": given.annotator} if described else {}),
            **({"repeats of the annotation": REPEATS} if described else {}),
        },
        notes=(
            *asker.notes,
            *(described.notes(len(subjects_of(named))) if described else (_none_described(given),)),
        ),
    )


def _of_stored(given: StoredConceptsInput) -> Study:
    yield Progress("reading descriptions", 0, None)
    stored = open_annotations(given.folder)
    described = Described(stored.annotations, stored.models, given.level_groups)
    return Findings(
        study="concepts",
        title="What the concepts of feed-forward layers are about",
        statements=described.sentences(),
        tables=described.tables(),
        figures=described.figures(),
        parameters={
            "base": stored.models[0],
            "tuned": stored.models[1],
            "annotator": stored.annotator,
            "groups of layers": given.level_groups,
        },
        notes=(
            "Variance and rotation (Fig. 8) are left out: they need the models' weights.",
            *described.notes(stored.components, goes_on=False),
        ),
    )


def _none_described(given: ConceptsInput) -> str:
    pair = ["--base", given.base.name, "--tuned", given.tuned.name]
    command = shlex.join(["insttui", "concepts", "--annotate", *pair])
    by = f" by {given.annotator}" if given.annotator else ""
    return (
        f"No component of this pair has been described{by}, so Tables 5-10 and Figs. 3 and 7 are "
        f"left out. `{command}`, with --vocab and --templates as given here, has a language model "
        "describe them; with --dry-run it says first what that would cost. After that this study "
        "has those tables too."
    )


def _annotations(
    given: ConceptsInput, layers: Sequence[LayerConcepts], templates: Templates
) -> list[Annotation]:
    """Earlier answers about the components, without unanswered ones."""
    if not given.answers or not given.annotator:
        return []
    found = read_annotations(
        subjects_of(layers),
        templates,
        given.annotator,
        AnswerFile(Path(given.answers)),
        repeats=REPEATS,
    )
    return [each for each in found if each.outcome != "unanswered"]


def _told_apart(
    layers: Sequence[LayerConcepts], base: str, tuned: str
) -> tuple[tuple[LayerConcepts, ...], tuple[str, str]]:
    """Layers and model names that stay distinct in tables, even if both names are the same."""
    if base != tuned:
        return tuple(layers), (base, tuned)
    names = f"{base} (base)", f"{tuned} (tuned)"
    return tuple(
        replace(
            each,
            base=replace(each.base, model=names[0]),
            tuned=replace(each.tuned, model=names[1]),
        )
        for each in layers
    ), names
