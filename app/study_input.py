"""The input of a study of models, built here for both the command line and the view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.methods import StudySpec
from analysis.studies.study import PairInput
from app.config import Annotation


def study_input(spec: StudySpec, found: Mapping[str, Any], settings: Annotation) -> PairInput:
    """The input of a study of models.

    Args:
        spec: Which study.
        found: What is available, by the study's names: ``session``, ``base``, ``tuned``, words,
            prompts and so on; the study takes what it needs.
        settings: Which language model describes components.
    """
    if spec.name == "concepts":
        # Imported here: no other study reads descriptions.
        from app.known_descriptions import study_options

        found = {**study_options(settings), **found}
    return spec.input(found)
