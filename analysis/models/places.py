"""Where the files of a model are: its folder, and for a tuned one perhaps that of an adapter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

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
    settings = settings_of(adapter)
    named = str(settings.get("base_model_name_or_path") or "")
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
    revision = found.revision or str(settings.get("revision") or "")
    return msgspec.structs.replace(
        choice, name=found.name, location=found.location, revision=revision, bare=True
    )


def base_of(choice: ModelChoice) -> ModelChoice | None:
    """The model beneath an adapter, as a choice of its own; None for a whole model on this disk.

    An adapter that is not on this disk yet is taken for one; the engine finds out.
    """
    folder = local_folder(choice)
    if folder is not None and not holds_adapter(folder):
        return None
    named = "" if folder is None else str(settings_of(folder).get("base_model_name_or_path") or "")
    name = named or f"base of {choice.name}"
    return msgspec.structs.replace(choice, name=name, bare=True)
