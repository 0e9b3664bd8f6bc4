"""The list of views, in the order of their number keys.

A new view is a module with a `View` class, a stylesheet of the same name and a line here.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from app.views.view import View


@dataclass(frozen=True)
class ViewSpec:
    """A view that can be shown.

    Attributes:
        id: Scope of its actions, name of its stylesheet.
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
        return Path(__file__).with_name(f"{self.id}.tcss")

    def build(self) -> View:
        """A new view, with the spec's id."""
        module, _, name = self.factory.partition(":")
        return cast("View", getattr(importlib.import_module(module), name)(id=self.id))


VIEWS = (
    ViewSpec("prompt", "Prompt", "app.views.prompt:PromptView", ("pair",)),
    ViewSpec("cases", "Cases", "app.views.cases:CasesView", ("library",)),
    ViewSpec("saliency", "Saliency", "app.views.saliency:SaliencyView", ("pair", "library")),
    ViewSpec("heads", "Heads", "app.views.heads:HeadsView", ("pair",)),
    ViewSpec("concepts", "Concepts", "app.views.concepts:ConceptsView", ("pair",)),
    ViewSpec("studies", "Studies", "app.views.studies:StudiesView", ("pair", "library")),
    ViewSpec("components", "Components", "app.views.components:ComponentsView", ("pair",)),
    ViewSpec("clusters", "Clusters", "app.views.clusters:ClustersView", ("pair",)),
)
