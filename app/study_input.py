"""What a study of models is given: made here for the command line and for the view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.methods import StudySpec
from analysis.studies.study import PairInput
from app.config import Annotation


def study_input(spec: StudySpec, found: Mapping[str, Any], settings: Annotation) -> PairInput:
    """What a study of models is given.

    Args:
        spec: Which study.
        found: What there is: ``session``, ``base``, ``tuned``, words, prompts and what else was
            asked for, by the names that the study knows it by; it takes what it needs.
        settings: Who describes components.
    """
    if spec.name == "concepts":
        # Imported here: no other study reads descriptions.
        from app.known_descriptions import study_options

        found = {**study_options(settings), **found}
    return spec.input(found)
