"""What the numbers of a study depend on, as its findings name it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from analysis.models.checkpoint import inspect
from analysis.models.references import local_folder
from analysis.problems import ProblemError
from analysis.requests import ModelChoice
from analysis.results import Ablation, Attribution, Frequencies, TaskClusters
from analysis.studies.asking import new_tokens
from analysis.studies.study import StudyInput
from analysis.table import Cell
from cache.fingerprint import fingerprint

_UNKNOWN = "not recorded"


def model_parameters(
    base: ModelChoice, tuned: ModelChoice, computed: Sequence[str] = ()
) -> dict[str, Cell]:
    """Both models by name and by the fingerprint of their files.

    Args:
        base: The base model.
        tuned: The tuned model.
        computed: What each of them was computed in, as `precision_of` says it; empty where
            neither was built.
    """
    found: dict[str, Cell] = {}
    for number, (role, model) in enumerate((("base", base), ("tuned", tuned))):
        found[role] = model.name
        found[f"{role} fingerprint"] = _fingerprint(model)
        if computed:
            found[f"{role} precision"] = computed[number]
    return found


def precision_of(results: Iterable[Attribution | TaskClusters | Frequencies | Ablation]) -> str:
    """The precision of a model's weights and its device, as they were and not as asked for.

    Results out of the cache may come from several machines; then all are named.
    """
    return in_words(_precision(each) for each in results)


def in_words(precisions: Iterable[str]) -> str:
    """Each of some precisions once."""
    return " and ".join(sorted({each for each in precisions if each})) or _UNKNOWN


def stored_precision(model: ModelChoice) -> str:
    """The floating-point types that a model's files have."""
    try:
        folder = local_folder(model)
        return in_words(() if folder is None else inspect(Path(folder)).precisions())
    except (OSError, ProblemError):
        return _UNKNOWN


def case_parameters(
    given: StudyInput, computed: Sequence[str], methods: Sequence[str]
) -> dict[str, Cell]:
    """Where the cases of a study come from.

    Args:
        given: What the study was given.
        computed: As of `model_parameters`.
        methods: How importance was computed, of all answers.
    """
    if given.library is not None:
        index = (given.library.folder / "cases.jsonl").read_bytes()
        return {
            "case library": given.library.folder.name,
            "cases digest": hashlib.sha256(index).hexdigest(),
            "models": " and ".join(given.library.models),
        }
    found: dict[str, Cell] = {}
    if given.base is not None and given.tuned is not None:
        found |= model_parameters(given.base, given.tuned, computed)
    if given.prompts is not None:
        found["prompts"] = given.prompts.name
        found["prompts digest"] = given.prompts.digest
        found["number of prompts"] = len(given.prompts.prompts)
    found["chat template of the tuned model"] = bool(given.options.get("chat_template"))
    found["most new tokens"] = new_tokens(given)
    found["method"] = in_words(methods)
    return found


def _precision(result: Attribution | TaskClusters | Frequencies | Ablation) -> str:
    if not result.dtype:
        return ""
    found = f"{result.dtype} on {result.device}"
    if isinstance(result, Attribution) and result.passes_dtype not in ("", result.dtype):
        return f"{found}, passes in {result.passes_dtype}"
    return found


def _fingerprint(model: ModelChoice) -> str:
    try:
        folder = local_folder(model)
        return "" if folder is None else fingerprint(Path(folder))
    except (OSError, ProblemError):
        return ""
