"""Moves the files of a report into place, and removes those left over from an earlier one.

A hidden list next to the files names all of ours; nothing else is ever removed. It names the old
and the new files before anything changes, so that even if the process is killed, the next report
still knows what to remove.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

LISTING = ".files.json"
"""The list of our files, a JSON array of names."""


def place_files(made: Path, target: Path, last: str) -> None:
    """Move files to a folder, and remove files of earlier calls that are not among them.

    Args:
        made: A folder on the same disk that contains only these files.
        target: Where they go; files of the same names are replaced.
        last: The file that links to all others, and so is moved last.

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
        # The next report tries again to remove what cannot be removed now.
        with suppress(OSError):
            (target / name).unlink()
    _list(names | {name for name in earlier if (target / name).exists()}, made, target)


def _listed(folder: Path) -> set[str]:
    """The files of earlier reports; none if the list is unreadable."""
    try:
        found = json.loads((folder / LISTING).read_bytes())
    except (OSError, ValueError, RecursionError):
        return set()
    names = found if isinstance(found, list) else []
    # A name with a path in it could lead out of the folder.
    return {name for name in names if isinstance(name, str) and name == Path(name).name}


def _list(names: Iterable[str], made: Path, target: Path) -> None:
    (made / LISTING).write_text(json.dumps(sorted(names)), encoding="utf-8", newline="\n")
    (made / LISTING).replace(target / LISTING)
