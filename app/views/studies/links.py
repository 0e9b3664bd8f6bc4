"""Links from a study's row to its subject in another view: a case, head, component, units, map."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.clustering.tasks.task_set import LABELS
from analysis.neurons.instructions import default_instructions
from analysis.neurons.pair import Thresholds
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.gather import AskedCases
from analysis.studies.series import SeriesInput
from analysis.studies.study import PairInput
from analysis.table import Cell
from app.links import CaseLink, ClustersLink, ComponentLink, HeadLink, Link, PromptLink, UnitsLink
from app.state import Prompt
from app.views.studies.pages import StudyPage


def link_of(
    page: StudyPage, row: Mapping[str, Cell], given: CaseLibrary | PairInput | SeriesInput
) -> Link | str:
    """The link of a page's row, or a message why there is none; `given` is the study's input."""
    if isinstance(given, SeriesInput):
        if row.get("step") != given.labels[-1]:
            return f"The other views show step {given.labels[-1]}, and this row is of another one."
        return link_of(page, row, given.last)
    match page.opens:
        case "case":
            return _case(str(row.get("case")), given)
        case "head":
            return _head(row)
        case "component" if isinstance(given, PairInput):
            return _component(row, given)
        case "units" if isinstance(given, PairInput):
            return _units(row, given)
        case "clusters" if isinstance(given, PairInput):
            return _clusters(row, given)
    return "This row leads nowhere."


def _case(case_id: str, given: CaseLibrary | PairInput) -> Link | str:
    if isinstance(given, CaseLibrary):
        return CaseLink(case_id)
    assert isinstance(given, AskedCases)
    prompt = next((each for each in given.prompts.prompts if each.id == case_id), None)
    if prompt is None:
        return f"There is no case {case_id} among the prompts."
    # Exactly what the study asked: both maps are in the cache and shown at once.
    return PromptLink(
        Prompt(prompt.prompt, prompt.instruction, given.chat_template), given.requests(prompt)
    )


def _head(row: Mapping[str, Cell]) -> Link | str:
    layer, head = row.get("layer"), row.get("head")
    if not isinstance(layer, int) or not isinstance(head, int):
        return "This row is about more than one head."
    return HeadLink(layer, head)


def _component(row: Mapping[str, Cell], given: PairInput) -> Link | str:
    layer, component, expert = row.get("layer"), row.get("component"), row.get("expert")
    if not isinstance(layer, int) or not isinstance(component, int):
        return "This row is about more than one component."
    return ComponentLink(
        layer, component, _side(row, given), expert if isinstance(expert, int) else -1
    )


def _units(row: Mapping[str, Cell], given: PairInput) -> Link:
    layer = row.get("layer")
    categories = [str(row["category"])]
    if row.get("other_category"):
        categories.append(str(row["other_category"]))
    return UnitsLink(
        unit="experts" if row.get("units") == "experts" else "neurons",
        categories=tuple(categories),
        layer=layer if isinstance(layer, int) else None,
        # Rows of ablations have no units column: they silence units unique to the category.
        kind="all" if "units" in row else "unique",
        instructions=default_instructions(given.base, given.tuned),
        thresholds=Thresholds.of(vars(given)),
    )


def _clusters(row: Mapping[str, Cell], given: PairInput) -> Link:
    layer, label = row.get("layer"), row.get("label")
    assert isinstance(layer, int)
    return ClustersLink(
        layer, _side(row, given), LABELS.index(str(label)) if label in LABELS else 0
    )


def _side(row: Mapping[str, Cell], given: PairInput) -> int:
    """Whether a row is about the base (0) or the tuned (1) model."""
    tuned = given.tuned.name, f"{given.tuned.name} (tuned)"
    return int(row.get("model") in tuned and row.get("model") != given.base.name)
