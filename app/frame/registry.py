"""The views in the order of their number keys: those of the methods and the app's own."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from analysis.methods import METHODS, Method

if TYPE_CHECKING:
    from app.frame.action import Action


@dataclass(frozen=True)
class ViewSpec:
    """A view that can be shown, in these kinds of workspace.

    `id` is also the scope of its actions; `factory` is ``module:class``, imported when first shown.
    """

    id: str
    title: str
    factory: str
    workspaces: tuple[Literal["pair", "library"], ...]

    @property
    def stylesheet(self) -> Path:
        """Its stylesheet, read when the view is first shown."""
        package = self.factory.partition(":")[0].split(".")[:-1]
        return Path(__file__).parents[2].joinpath(*package, "view.tcss")

    def actions(self) -> tuple[Action, ...]:
        """What the view's keys do, from its package; none where it says none."""
        package = self.factory.partition(":")[0].rpartition(".")[0]
        return getattr(importlib.import_module(package), "ACTIONS", ())


def _of(method: Method) -> ViewSpec:
    """The view of a method: its package is named after the room, its class after the title."""
    name, title = method.view
    factory = f"app.views.{method.room}.view:{title}View"
    return ViewSpec(name, title, factory, ("pair", "library") if method.stored else ("pair",))


VIEWS = (
    ViewSpec("prompt", "Prompt", "app.views.prompt.view:PromptView", ("pair",)),
    ViewSpec("cases", "Cases", "app.views.cases.view:CasesView", ("library",)),
    *map(_of, METHODS[:3]),
    ViewSpec("studies", "Studies", "app.views.studies.view:StudiesView", ("pair", "library")),
    # Later methods come after the studies, so that earlier views keep their numbers.
    *map(_of, METHODS[3:]),
)
