"""Rating a stored response by a key, in the list of cases and beside its map."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from analysis.problems import ProblemError
from analysis.saliency.cases.rating_files import BEST
from app.workspace import LibraryWorkspace

if TYPE_CHECKING:
    from app.frame.shell import Shell
    from app.links import MapsLink


def rate(ui: Shell, case_id: str, model: str, step: int) -> str | None:
    """Raise or lower a rating by a step, from none over 1 to 4; the note that a title then has.

    None if the ratings cannot be written, which is said.
    """
    if not isinstance(ui.workspace, LibraryWorkspace):
        return None
    library = ui.workspace.library
    before = library.rating(case_id, model) or 0
    # A rating between two levels goes to the next one.
    after = math.floor(before) + 1 if step > 0 else math.ceil(before) - 1
    rating = min(max(after, 0), BEST) or None
    try:
        library.rate(case_id, model, rating)
    except ProblemError as error:
        ui.say(str(error), severity="error")
        return None
    return rated_note(case_id, rating)


def ratings_in(ui: Shell, case: MapsLink | None) -> Callable[[str], float | None]:
    """The ratings of a stored case by model; none of a prompt that is not stored."""
    work = ui.workspace
    if case is None or not isinstance(work, LibraryWorkspace):
        return lambda model: None
    library, case_id = work.library, case.case_id
    return lambda model: library.rating(case_id, model) if model in library.models else None


def rated_note(case_id: str, rating: float | None) -> str:
    """A stored case and the rating of its response, for the title of its map."""
    return case_id if rating is None else f"{case_id}, rated {rating:g}"
