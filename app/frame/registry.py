"""The list of views, in the order of their number keys.

A new view is a package with a `View` class and its stylesheet in it, and a line here.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from app.frame.view import View


@dataclass(frozen=True)
class ViewSpec:
    """A view that can be shown.

    Attributes:
        id: Scope of its actions.
        title: What the header calls it.
        factory: ``module:class``, imported when the view is first shown.
        workspaces: For which kinds of workspace it exists.
    """

    id: str
    title: str
    factory: str
    workspaces: tuple[Literal["pair", "library"], ...]

    @property
    def stylesheet(self) -> Path:
        """The file of its styles, read when it is first shown."""
        package = self.factory.partition(":")[0].split(".")[:-1]
        return Path(__file__).parents[2].joinpath(*package, "view.tcss")

    def build(self) -> View:
        """A new view, with the spec's id."""
        module, _, name = self.factory.partition(":")
        return cast("View", getattr(importlib.import_module(module), name)(id=self.id))


VIEWS = (
    ViewSpec("prompt", "Prompt", "app.views.prompt.view:PromptView", ("pair",)),
    ViewSpec("cases", "Cases", "app.views.cases.view:CasesView", ("library",)),
    ViewSpec("saliency", "Saliency", "app.views.saliency.view:SaliencyView", ("pair", "library")),
    ViewSpec("heads", "Heads", "app.views.heads.view:HeadsView", ("pair",)),
    ViewSpec("concepts", "Concepts", "app.views.concepts.view:ConceptsView", ("pair",)),
    ViewSpec("studies", "Studies", "app.views.studies.view:StudiesView", ("pair", "library")),
    ViewSpec("components", "Components", "app.views.neurons.view:ComponentsView", ("pair",)),
    ViewSpec("clusters", "Clusters", "app.views.clusters.view:ClustersView", ("pair",)),
)
