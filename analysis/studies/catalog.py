"""All studies, in the order in which the view and the command line offer them."""

from __future__ import annotations

from analysis.methods import METHODS, StudySpec

__all__ = ["STUDIES", "StudySpec", "study_of"]

STUDIES = tuple(study for method in METHODS for study in method.studies)


def study_of(name: str) -> StudySpec:
    """Find a study by name; KeyError for a name that is not in `STUDIES`."""
    return {each.name: each for each in STUDIES}[name]
