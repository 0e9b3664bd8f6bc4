"""Lists the models on this machine: the aliases first, then the rest of the hub cache."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from analysis.demo import catalog
from analysis.models import checkpoint
from analysis.models.adapters import holds_adapter, open_adapter
from analysis.models.aliases import ALIASES
from analysis.models.references import local_folder, resolve
from analysis.problems import IncompleteError, ProblemError
from analysis.request import ModelChoice
from analysis.table import Cell, Table

_COLUMNS = ("name", "reference", "partner", "local", "bytes", "note")
_OF_DEMO = {
    **dict.fromkeys(catalog.DEMO_MODELS, "comes with insttui"),
    catalog.DEMO_LORA: "comes with insttui; a LoRA adapter on demo-base",
}
_CAUSAL = ("ForCausalLM", "LMHeadModel")


def models_table(aliases: Mapping[str, str]) -> Table:
    """One row per model: its name and whether it is available locally; nothing is downloaded.

    ``local`` is ``yes``, ``no``, ``incomplete``, or ``unusable`` if a download would not fix it;
    ``bytes`` is the size of the weight files, empty if there are none.

    Args:
        aliases: The user's own short names.
    """
    return Table(_COLUMNS, tuple(_rows(aliases)))


def _rows(aliases: Mapping[str, str]) -> Iterator[tuple[Cell, ...]]:
    listed = set()
    for name in dict.fromkeys((*catalog.demo_names(), *aliases, *ALIASES)):
        partner, note = _partner_and_note(name, aliases)
        try:
            choice = resolve(name, aliases=aliases)
        except ProblemError as error:
            yield name, aliases[name], partner, "no", None, error.problem.what
            continue
        listed.add((choice.location, choice.revision))
        yield name, _reference(choice), partner, *_state(choice), note
    for choice in _cached():
        if (choice.location, choice.revision) not in listed:
            yield choice.name, _reference(choice), "", *_state(choice), "in the hub's cache"


def _partner_and_note(name: str, aliases: Mapping[str, str]) -> tuple[str, str]:
    if catalog.is_demo(name):
        partner = catalog.DEMO_TUNED if name == catalog.DEMO_BASE else catalog.DEMO_BASE
        return partner, _OF_DEMO.get(name) or _checkpoint_note(name)
    if name in aliases:
        return "", "yours"
    return ALIASES[name].partner, ALIASES[name].note


def _checkpoint_note(name: str) -> str:
    return f"comes with insttui; {catalog.DEMO_LORA} after {catalog.step_of(name):,} steps"


def _reference(choice: ModelChoice) -> str:
    return f"{choice.location}@{choice.revision}" if choice.revision else choice.location


def _state(choice: ModelChoice) -> tuple[str, int | None]:
    folder = local_folder(choice)
    if folder is None:
        return "no", None
    try:
        weights: tuple[Path, ...]
        if holds_adapter(folder):
            weights = (open_adapter(folder, name=choice.name, allow_pickle=True).weights,)
        else:
            weights = checkpoint.inspect(folder).weights
    except (IncompleteError, OSError):
        return "incomplete", None
    except ProblemError:
        return "unusable", None
    return "yes", sum(file.stat().st_size for file in weights)


def _cached() -> Iterator[ModelChoice]:
    """The language models in the hub cache, at their default branch."""
    from huggingface_hub import constants

    for cache in sorted(Path(constants.HF_HUB_CACHE).expanduser().glob("models--*")):
        name = "/".join(cache.name.split("--")[1:])
        choice = ModelChoice(name=name, location=name)
        folder = local_folder(choice)
        if folder is not None and _is_language_model(folder):
            yield choice


def _is_language_model(folder: Path) -> bool:
    try:
        names = checkpoint.inspect(folder).architectures()
    except (ProblemError, OSError):
        return False
    return any(name.endswith(_CAUSAL) for name in names)
