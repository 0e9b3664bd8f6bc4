"""Resolves model names: demo names, aliases, hub ids and folders."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from analysis.demo import catalog
from analysis.models.aliases import ALIASES
from analysis.problems import problem
from analysis.request import ModelChoice

_HUB_ID = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*)(?:@(?P<revision>\S+))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def resolve(name: str, *, aliases: Mapping[str, str] = {}) -> ModelChoice:
    """The model a name refers to, with default loading options.

    Tried in this order: a demo name, a user's alias, a built-in alias, a folder, a hub id
    ``organisation/name`` with an optional ``@revision``. Nothing is opened or downloaded.

    Args:
        name: What the user typed.
        aliases: The user's own short names, each for a built-in alias, folder or hub id.

    Raises:
        ProblemError: ``input`` if the name refers to nothing, with similar names; ``model`` if it
            is a path and there is no such folder.
    """
    name = name.strip()
    if catalog.is_demo(name):
        return _of_demo(name)
    if name in aliases:
        target = resolve(aliases[name])
        return msgspec.structs.replace(target, name=name)
    reference = ALIASES[name].reference if name in ALIASES else name
    if name not in ALIASES and (folder := _folder(name)) is not None:
        return ModelChoice(name=name, location=str(folder))
    if (hub := _HUB_ID.fullmatch(reference)) is not None:
        return ModelChoice(name=name, location=hub["repository"], revision=hub["revision"] or "")
    known = [*catalog.demo_names(), *aliases, *ALIASES]
    close = difflib.get_close_matches(name.lower(), known, n=3)
    raise problem(
        "input",
        f"No model is called {name!r}." if name else "The name of the model is empty.",
        f"Close names: {', '.join(close)}." if close else "",
        "Give an alias (insttui models lists them), a hub id organisation/name, or a folder.",
    )


def _of_demo(name: str) -> ModelChoice:
    names = catalog.demo_names()
    if name not in names:
        raise problem(
            "input",
            f"No model of the demo is called {name!r}.",
            f"It has {', '.join(names)}." if names else "Its weights are not installed.",
            "Give one of these." if names else "Install insttui again.",
        )
    return ModelChoice(name=name, location=str(catalog.WEIGHTS / name))


def _folder(name: str) -> Path | None:
    """The folder if the name is a path; None if it does not look like one."""
    if not name or "\0" in name:
        return None
    try:
        path = Path(name).expanduser().resolve()
        found, is_file = path.is_dir(), path.is_file()
    except (OSError, RuntimeError):
        return None
    if found:
        return path
    if name.startswith(("/", "~", ".")):
        raise problem(
            "model",
            f"The model folder {name} is a file." if is_file else f"There is no folder {name}.",
            remedy="Give the folder that holds config.json and the weights.",
        )
    return None


def is_hub_id(choice: ModelChoice) -> bool:
    """Whether the model's location is a hub id rather than a folder."""
    return not Path(choice.location).is_absolute()


def hub_folder(choice: ModelChoice) -> Path:
    """The hub client's folder for this model, whether or not it is downloaded."""
    from huggingface_hub import constants

    name = "--".join(["models", *choice.location.split("/")])
    return Path(constants.HF_HUB_CACHE).expanduser() / name


def local_folder(choice: ModelChoice) -> Path | None:
    """The folder with the model's files; None if there is none. Never uses the network.

    For a hub id it is the cached snapshot of the revision. `checkpoint.inspect` checks whether its
    files are complete.
    """
    if not is_hub_id(choice):
        folder = Path(choice.location)
        return folder if folder.is_dir() else None
    cache = hub_folder(choice)
    revision = choice.revision or "main"
    try:
        commit = (cache / "refs" / revision).read_text(encoding="utf-8").strip()
    except OSError:
        commit = revision if _COMMIT.fullmatch(revision) else ""
    if not commit:
        return None
    snapshot = cache / "snapshots" / commit
    return snapshot if snapshot.is_dir() else None
