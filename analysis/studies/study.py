"""What a study is given and what it says while it runs.

A study is a generator function ``(StudyInput) -> Findings`` that yields `Progress`; closing it
stops it, and what was computed until then is in the cache. It runs on the torch-free side and asks
a session for whatever needs a model, so that a study that was stopped goes on where it was.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.events import Progress
from analysis.request import ModelChoice
from analysis.studies.findings import Findings
from analysis.table import Cell
from analysis.words.choice import Words, WordVectors

if TYPE_CHECKING:
    from analysis.saliency.cases.library import CaseLibrary
    from analysis.saliency.cases.prompt_sets import PromptSet
    from analysis.session.session import Session


@dataclass(frozen=True)
class StudyInput:
    """What a study works on; each takes what it needs and says clearly what is missing.

    Attributes:
        session: Answers requests, from the cache where it can.
        base, tuned: The pair; None where a case library takes its place.
        prompts: The prompts to run both models on.
        library: Stored maps, in place of models and prompts.
        words, vectors: What the analyses of weights speak of.
        cases_folder: In which folder the maps of models and prompts are also written, as its case
            library ``cases``; None for nowhere.
        options: Parameters of a single study, by name; those left out have their defaults.
    """

    session: Session | None = None
    base: ModelChoice | None = None
    tuned: ModelChoice | None = None
    prompts: PromptSet | None = None
    library: CaseLibrary | None = None
    words: Words | None = None
    vectors: WordVectors | None = None
    cases_folder: Path | None = None
    options: Mapping[str, Cell] = field(default_factory=dict)


Study = Generator[Progress, None, Findings]
