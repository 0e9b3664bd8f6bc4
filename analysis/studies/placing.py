"""Puts the files of a report in their place, and takes away those that only an earlier one had.

A hidden list beside the files names all that are ours: nothing else is ever removed. It names the
old and the new ones before anything changes, so that whenever the process is killed, the next
report still knows what to take away.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

LISTING = ".files.json"
"""The list of the files that are ours, a JSON array of names."""


def place_files(made: Path, target: Path, last: str) -> None:
    """Moves files to a folder; files of earlier calls that are not among them are removed.

    Args:
        made: A folder on the same disk with nothing but the files.
        target: Where they go; files of the same names are replaced.
        last: The name of the one that links to all others, and so comes after them.

    Raises:
        OSError: They cannot be moved.
    """
    files = sorted(made.iterdir(), key=lambda path: path.name == last)
    names = {path.name for path in files}
    earlier = _listed(target) - names
    _list(names | earlier, made, target)
    for path in files:
        path.replace(target / path.name)
    for name in sorted(earlier):
        # What cannot be removed now, the next report tries again.
        with suppress(OSError):
            (target / name).unlink()
    _list(names | {name for name in earlier if (target / name).exists()}, made, target)


def _listed(folder: Path) -> set[str]:
    """The files of earlier reports; none where no list can be read."""
    try:
        found = json.loads((folder / LISTING).read_bytes())
    except (OSError, ValueError, RecursionError):
        return set()
    names = found if isinstance(found, list) else []
    # A name with a path in it would lead out of the folder.
    return {name for name in names if isinstance(name, str) and name == Path(name).name}


def _list(names: Iterable[str], made: Path, target: Path) -> None:
    """Writes the list, whole or not at all."""
    (made / LISTING).write_text(json.dumps(sorted(names)), encoding="utf-8", newline="\n")
    (made / LISTING).replace(target / LISTING)
