"""From a row of a study to what it speaks of, in its own view: a case, a head, a layer, units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from analysis.clustering.tasks.task_set import LABELS
from analysis.neurons.instructions import default_instructions
from analysis.neurons.pair import Thresholds
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.gather import AskedCases
from analysis.studies.study import PairInput
from analysis.table import Cell
from app.state import Prompt
from app.views.studies.pages import StudyPage

if TYPE_CHECKING:
    from app.main import InsttuiApp


async def follow_link(
    ui: InsttuiApp, page: StudyPage, row: Mapping[str, Cell], given: CaseLibrary | PairInput
) -> str:
    """Show what a row leads to; escape leads back to the row.

    Args:
        ui: The app.
        page: The row's page.
        row: Its cells by column.
        given: What the study worked on.

    Returns:
        Why it leads nowhere; empty where it does lead somewhere.
    """
    match page.opens:
        case "case":
            return await _show_case(ui, str(row.get("case")), given)
        case "head":
            return await _show_head(ui, row)
        case "component" if isinstance(given, PairInput):
            return await _show_component(ui, row, given)
        case "units" if isinstance(given, PairInput):
            return await _show_units(ui, row, given)
        case "clusters" if isinstance(given, PairInput):
            return await _show_clusters(ui, row, given)
    return "This row leads nowhere."


async def _show_case(ui: InsttuiApp, case_id: str, given: CaseLibrary | PairInput) -> str:
    if isinstance(given, CaseLibrary):
        from app.views.cases.view import CasesView

        ui.lead_to("saliency")
        # The view of a library that is shown first, and knows how to read a case.
        ui.base.query_one(CasesView).open_case(case_id)
        return ""
    assert isinstance(given, AskedCases)
    prompts = given.prompts.prompts
    prompt = next((each for each in prompts if each.id == case_id), None)
    if prompt is None:
        return f"There is no case {case_id} among the prompts."
    ui.lead_to("saliency")
    # What the study asked, to the letter: both maps are in the cache, and shown at once.
    await ui.run_prompt(
        Prompt(prompt.prompt, prompt.instruction, given.chat_template),
        given.requests(prompt),
    )
    return ""


async def _show_head(ui: InsttuiApp, row: Mapping[str, Cell]) -> str:
    from app.views.heads.view import HeadsView

    layer, head = row.get("layer"), row.get("head")
    if not isinstance(layer, int) or not isinstance(head, int):
        return "This row is about more than one head."
    ui.lead_to("heads")
    view = await ui.show_view("heads")
    assert isinstance(view, HeadsView)
    view.show_head(layer, head)
    return ""


async def _show_component(ui: InsttuiApp, row: Mapping[str, Cell], given: PairInput) -> str:
    from app.views.concepts.view import ConceptsView

    layer, component, expert = row.get("layer"), row.get("component"), row.get("expert")
    if not isinstance(layer, int) or not isinstance(component, int):
        return "This row is about more than one component."
    ui.lead_to("concepts")
    view = await ui.show_view("concepts")
    assert isinstance(view, ConceptsView)
    view.show_component(
        layer,
        component,
        side=_side(row, given),
        expert=expert if isinstance(expert, int) else -1,
    )
    return ""


async def _show_units(ui: InsttuiApp, row: Mapping[str, Cell], given: PairInput) -> str:
    from app.views.neurons.linked import Wanted
    from app.views.neurons.view import ComponentsView

    layer = row.get("layer")
    categories = [str(row["category"])]
    if row.get("other_category"):
        categories.append(str(row["other_category"]))
    ui.lead_to("components")
    view = await ui.show_view("components")
    assert isinstance(view, ComponentsView)
    view.show_units(
        Wanted(
            unit="experts" if row.get("units") == "experts" else "neurons",
            categories=tuple(categories),
            layer=layer if isinstance(layer, int) else None,
            # Rows of ablations have no units: what is silenced is unique to the category.
            kind="all" if "units" in row else "unique",
        ),
        default_instructions(given.base, given.tuned),
        Thresholds.of(vars(given)),
    )
    return ""


async def _show_clusters(ui: InsttuiApp, row: Mapping[str, Cell], given: PairInput) -> str:
    from app.views.clusters.view import ClustersView

    layer, label = row.get("layer"), row.get("label")
    assert isinstance(layer, int)
    ui.lead_to("clusters")
    view = await ui.show_view("clusters")
    assert isinstance(view, ClustersView)
    view.show_layer(
        layer, side=_side(row, given), label=LABELS.index(str(label)) if label in LABELS else 0
    )
    return ""


def _side(row: Mapping[str, Cell], given: PairInput) -> int:
    """Whether a row speaks of the base model (0) or of the tuned one (1)."""
    tuned = given.tuned.name, f"{given.tuned.name} (tuned)"
    return int(row.get("model") in tuned and row.get("model") != given.base.name)
