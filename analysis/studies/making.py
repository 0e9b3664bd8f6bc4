"""A folder beside the place of a result, in which the result is made before it is moved there.

What is moved is whole, whenever its process is killed. What a killed process leaves behind is such
a folder: the next one that makes something in the same place removes it.
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
    """A new hidden folder in `folder`, removed in the end with all that is still in it.

    Removes first what killed processes left there. What a living process makes stays.

    Args:
        folder: Where; made where it does not exist, and removed with its parents made for it where
            nothing is in it in the end.

    Raises:
        OSError: Nothing can be written there.
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
    """Removes what is being made by nobody any more.

    Its process is gone or, where that may run on another machine, nobody has written for a day.
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
    """What begins the names of all that is being made on this machine."""
    return f"{_PREFIX}{re.sub('[^A-Za-z0-9]+', '', platform.node())}-"


def _is_alive(process: int) -> bool:
    """Whether this machine has such a process."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass
    return True
