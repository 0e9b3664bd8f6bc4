"""``--series``: the models of a training run in place of ``--tuned``, each with its step."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from analysis.demo import catalog
from analysis.models.adapters import ADAPTER_SETTINGS
from analysis.models.places import place_of
from analysis.problems import ProblemError, problem
from analysis.request import ModelChoice, Pair
from app.commands import inputs
from app.config import Settings

_SETTINGS = ("config.json", ADAPTER_SETTINGS)
_NUMBERED = re.compile(
    r"(?:.*[-_.])?(?:checkpoint|ckpt|global_step|step|iteration|iter|epoch)[-_.]?(\d+)",
    re.ASCII | re.IGNORECASE,
)

_PARTS = re.compile(r"(\d+)", re.ASCII)


class Reference(NamedTuple):
    """A model of a series.

    Attributes:
        step: The checkpoint's number; where one of the series has none, what each is called.
        name: What names the model, as for ``--tuned``.
    """

    step: int | str
    name: str


def references(given: str, aliases: Mapping[str, str] = {}) -> tuple[Reference, ...]:
    """The models of a series by their steps: those of a list with commas, or those of a folder.

    Of a folder, these are its folders with a model or an adapter; others are passed over, unless
    they are called as checkpoints are.

    Args:
        given: What the user typed.
        aliases: The user's own short names, which may be those of a folder.

    Raises:
        ProblemError: ``input`` for a folder without checkpoints or with an empty one, for a list
            with gaps, and for two models of one step.
    """
    given = given.strip()
    given = aliases.get(given, given)
    folder = catalog.WEIGHTS / given if given == catalog.DEMO_STEPS else Path(given).expanduser()
    if _is_run(folder):
        names = [_within(given, name) for name in _checkpoints(folder, given)]
    else:
        names = [each.strip() for each in given.split(",")]
        if not all(names):
            raise problem(
                "input",
                "A model of the series has no name.",
                f"--series is {given!r}.",
                "Give names with a comma between them, or a folder of checkpoints.",
            )
    return _in_order(names)


def each_step(
    options: Namespace, settings: Settings
) -> tuple[tuple[Reference, Namespace, Pair], ...]:
    """Every step of ``--series`` with the options and the pair that ``--tuned`` would give.

    Raises:
        ProblemError: As `references`; for ``--tuned`` beside it; what a pair raises; ``input`` if
            the models stand on different base models.
    """
    if options.tuned:
        raise problem(
            "input",
            "--series and --tuned exclude each other.",
            "A series is several tuned models, one after the other.",
            "Leave out one of them.",
        )
    found = []
    for each in references(options.series, settings.aliases):
        alone = Namespace(**{**vars(options), "tuned": each.name, "series": None})
        found.append((each, alone, inputs.pair(alone, settings)))
    _check_base([(each, pair[0]) for each, _, pair in found])
    return tuple(found)


def _is_run(folder: Path) -> bool:
    """Whether it is a folder of models, and not a model itself without others in it."""
    try:
        if not folder.is_dir():
            return False
        own = any((folder / name).exists() for name in _SETTINGS)
        return not own or any(_numbered(each.name) for each in folder.iterdir() if each.is_dir())
    except OSError as error:
        raise _unreadable(str(folder), error) from None


def _checkpoints(folder: Path, given: str) -> list[str]:
    """The names of the folders with a model or an adapter."""
    found = []
    try:
        inside = sorted((each for each in folder.iterdir() if each.is_dir()), key=_natural)
    except OSError as error:
        raise _unreadable(given, error) from None
    for each in inside:
        if any((each / name).exists() for name in _SETTINGS):
            found.append(each.name)
        elif _numbered(each.name) is not None:
            raise problem(
                "input",
                f"{_within(given, each.name)} is neither a checkpoint nor an adapter.",
                f"It has no {' and no '.join(_SETTINGS)}.",
                "Remove it, let it finish, or list the models that are wanted: REF,REF.",
            )
    if not found:
        raise problem(
            "input",
            f"There is no checkpoint and no adapter in {given}.",
            "A series is a folder of such folders, as checkpoint-500.",
            "Name another folder, or list the models with commas between them.",
        )
    return found


def _natural(folder: Path) -> list[tuple[int, str]]:
    """Names with numbers in them by these."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _PARTS.split(folder.name)]


def _unreadable(given: str, error: OSError) -> ProblemError:
    return problem("input", f"The folder {given} cannot be read.", f"{error.strerror}.")


def _within(folder: str, name: str) -> str:
    """A folder in another one, as a user would type it."""
    return f"{folder.rstrip('/') or '/'}/{name}" if folder != "/" else f"/{name}"


def _in_order(names: list[str]) -> tuple[Reference, ...]:
    """The models by step: by their numbers if all have one, else as they come, by their names."""
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise problem("input", f"{twice} is in the series twice.", "", "Leave out one of them.")
    last = [_last(name) for name in names]
    numbers = [_numbered(each) for each in last]
    known = [each for each in numbers if each is not None]
    if len(known) == len(names):
        if len(set(known)) < len(known):
            twice = next(str(each) for each in known if known.count(each) > 1)
            same = [name for name, number in zip(names, known, strict=True) if str(number) == twice]
            raise problem(
                "input",
                f"Two models of the series are of step {twice}.",
                f"They are {' and '.join(same[:2])}.",
                "Leave out one of them.",
            )
        return tuple(sorted(map(Reference, known, names)))
    # What has no number comes last, as a final model does.
    order = sorted(
        range(len(names)),
        key=lambda place: (numbers[place] is None, numbers[place] or 0, place),
    )
    labels = last if len(set(last)) == len(last) else names
    return tuple(Reference(labels[place], names[place]) for place in order)


def _last(name: str) -> str:
    """What a model is called where all of its series share the rest: its folder, its revision."""
    _, _, revision = name.partition("@")
    return revision or Path(name).name or name


def _numbered(name: str) -> int | None:
    found = _NUMBERED.fullmatch(name)
    return None if found is None else int(found[1])


def _check_base(found: list[tuple[Reference, ModelChoice]]) -> None:
    """Raise ProblemError if the steps would be compared with different models."""
    first, base = found[0]
    for each, other in found[1:]:
        if other == base or _where(other) == _where(base):
            continue
        raise problem(
            "input",
            "The models of the series stand on different base models.",
            f"{first.name} stands on {base.name}, {each.name} on {other.name}.",
            "Name the base model with --base.",
        )


def _where(model: ModelChoice) -> object:
    """What tells base models apart: their folders, or their names before they are here."""
    place = place_of(model)
    return model.name if place is None else place.folder.resolve()
