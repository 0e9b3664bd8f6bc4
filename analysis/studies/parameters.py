"""What the numbers of a study depend on, as its findings name it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from analysis.models.references import local_folder
from analysis.problems import ProblemError
from analysis.requests import ModelChoice
from analysis.studies.asking import new_tokens
from analysis.studies.study import StudyInput
from analysis.table import Cell
from cache.fingerprint import fingerprint


def model_parameters(
    base: ModelChoice, tuned: ModelChoice, *, built: bool = True
) -> dict[str, Cell]:
    """Both models by name and by the fingerprint of their files, and how they were built, if so."""
    found: dict[str, Cell] = {}
    for role, model in (("base", base), ("tuned", tuned)):
        found[role] = model.name
        found[f"{role} fingerprint"] = _fingerprint(model)
        if built:
            found[f"{role} precision"] = model.dtype
    return found


def case_parameters(given: StudyInput) -> dict[str, Cell]:
    """Where the cases of a study come from."""
    if given.library is not None:
        index = (given.library.folder / "cases.jsonl").read_bytes()
        return {
            "case library": given.library.folder.name,
            "cases digest": hashlib.sha256(index).hexdigest(),
            "models": " and ".join(given.library.models),
        }
    found: dict[str, Cell] = {}
    if given.base is not None and given.tuned is not None:
        found |= model_parameters(given.base, given.tuned)
    if given.prompts is not None:
        found["prompts"] = given.prompts.name
        found["prompts digest"] = given.prompts.digest
        found["number of prompts"] = len(given.prompts.prompts)
    found["chat template of the tuned model"] = bool(given.options.get("chat_template"))
    found["new tokens"] = new_tokens(given)
    found["method"] = given.options.get("method") or "auto"
    return found


def _fingerprint(model: ModelChoice) -> str:
    try:
        folder = local_folder(model)
        return "" if folder is None else fingerprint(Path(folder))
    except (OSError, ProblemError):
        return ""
