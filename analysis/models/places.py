"""Where the files of a model are: its folder, and for a tuned one perhaps that of an adapter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from analysis.demo import catalog
from analysis.models.adapters import holds_adapter, settings_of
from analysis.models.references import local_folder, resolve
from analysis.problems import ProblemError, problem
from analysis.request import ModelChoice


@dataclass(frozen=True)
class Place:
    """A model on this disk: the folder of a whole model, and that of an adapter on it, if any."""

    folder: Path
    adapter: Path | None = None

    @property
    def mark(self) -> str:
        """The fingerprint of all its files; OSError if one cannot be read."""
        # Imported here: it imports numpy, and where a pair is must be known before the first paint.
        from cache.fingerprint import fingerprint

        marks = [fingerprint(each) for each in (self.folder, self.adapter) if each is not None]
        return " + ".join(marks)


def place_of(choice: ModelChoice) -> Place | None:
    """Where a model is; None if a part of it is not on this disk. Never uses the network.

    Raises:
        ProblemError: ``model`` if nobody says what an adapter stands on.
    """
    folder = local_folder(choice)
    if folder is None or not holds_adapter(folder):
        return None if folder is None else Place(folder)
    under = place_of(beneath(choice, folder))
    if under is None:
        return None
    return Place(under.folder, None if choice.bare else folder)


def beneath(choice: ModelChoice, adapter: Path) -> ModelChoice:
    """What an adapter stands on: the model that the user names, else the one it was trained on.

    Args:
        choice: A model whose location is that of an adapter.
        adapter: The adapter's folder.

    Raises:
        ProblemError: ``model`` if there is no such model, or nobody says which.
    """
    if choice.beneath:
        # An adapter can be compared with another one; both stand on the same model.
        return msgspec.structs.replace(choice.beneath, bare=True)
    named = trained_on(adapter)
    if not named:
        raise problem(
            "model",
            f"The adapter {choice.name} does not say which model it belongs to.",
            remedy="Name the model with --base.",
        )
    try:
        found = resolve(named)
    except ProblemError:
        raise problem(
            "model",
            f"The adapter {choice.name} belongs to {named}, which is not on this machine.",
            "It was trained on a folder, or on a model that is not called so here.",
            "Name the model with --base.",
        ) from None
    revision = found.revision or str(settings_of(adapter).get("revision") or "")
    return msgspec.structs.replace(
        choice, name=found.name, location=found.location, revision=revision, bare=True
    )


def base_of(choice: ModelChoice) -> ModelChoice | None:
    """The model beneath an adapter, as a choice of its own; None for a whole model on this disk.

    An adapter that is not on this disk yet is taken for one; the engine finds out.

    Raises:
        ProblemError: ``model`` if the adapter's words fit two folders.
    """
    if not may_be_adapter(choice):
        return None
    folder = local_folder(choice)
    named = "" if folder is None else trained_on(folder)
    return msgspec.structs.replace(choice, name=named or f"base of {choice.name}", bare=True)


def may_be_adapter(choice: ModelChoice) -> bool:
    """Whether it is an adapter, or not on this disk yet."""
    folder = local_folder(choice)
    return folder is None or holds_adapter(folder)


def trained_on(adapter: Path) -> str:
    """The model that an adapter says it was trained on, as `resolve` takes it; empty if none.

    Its way to a folder (``../base``) begins at the adapter's own, so that both can be moved, or,
    as peft itself has it, where insttui runs. `demo-base` goes by that name wherever it lies.

    Raises:
        ProblemError: ``model`` if there are two different folders.
    """
    named = str(settings_of(adapter).get("base_model_name_or_path") or "")
    if not named.startswith(("./", "../")):
        return named
    beside, here = (adapter / named).resolve(), Path(named).resolve()
    if not beside.is_dir():
        return named
    if beside == (catalog.WEIGHTS / catalog.DEMO_BASE).resolve():
        return catalog.DEMO_BASE
    if here.is_dir() and here != beside:
        raise problem(
            "model",
            f"The adapter {adapter} belongs to {named}, and there are two such folders.",
            f"One is {beside}, seen from the adapter; the other is {here}, seen from here.",
            "Name the right one with --base.",
        )
    return str(beside)
