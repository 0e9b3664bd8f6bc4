"""A temporary folder next to a result's final place, in which the result is made and then moved.

So a result in its final place is complete, even if its process is killed. A killed process leaves
its temporary folder behind; the next one to make something in the same place removes it.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = ".making-"
_STALE_S = 86400.0


@contextmanager
def making_folder(folder: Path) -> Iterator[Path]:
    """Make a new hidden folder in `folder`, and remove it at the end with whatever is left in it.

    Removes the folders of killed processes first; those of running ones stay.

    Args:
        folder: Created if missing; it and its new parents are removed if they end up empty.

    Raises:
        OSError: The folder is not writable.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder)
    made = Path(tempfile.mkdtemp(prefix=f"{_mine()}{os.getpid()}-", dir=folder))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        with suppress(OSError):
            for empty in missing:
                empty.rmdir()


def _remove_leftovers(folder: Path) -> None:
    """Remove abandoned folders.

    Their process is gone or, if it may run on another machine, nothing was written for a day.
    """
    for made in folder.glob(f"{_PREFIX}*"):
        process = made.name.removeprefix(_mine()).partition("-")[0]
        with suppress(OSError):
            written = max(each.stat().st_mtime for each in (made, *made.rglob("*")))
            if (process.isdecimal() and not _is_alive(int(process))) or (
                time.time() - written > _STALE_S
            ):
                shutil.rmtree(made, ignore_errors=True)


def _mine() -> str:
    """Prefix of the temporary folders made on this machine."""
    return f"{_PREFIX}{re.sub('[^A-Za-z0-9]+', '', platform.node())}-"


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass
    return True
