"""Folders for weights that wait on disk in another form than the checkpoint's.

Fused experts and pickled weights are written anew before a model can take them from disk module by
module. The folder goes with its model, or with the engine, or, if the whole program was killed,
when another engine makes a folder of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path

from platformdirs import user_cache_path

ROOT = user_cache_path("insttui", appauthor=False) / "weights"
"""Beside the results: the system's folder for temporary files may be in main memory."""


def new_folder() -> Path:
    """A new folder; removes those of engines that are no more."""
    ROOT.mkdir(parents=True, exist_ok=True)
    for folder in ROOT.iterdir():
        owner = folder.name.partition("-")[0]
        if owner.isdigit() and not _runs(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=ROOT))


def free_on_disk() -> int:
    """Bytes free for such folders."""
    folder = ROOT
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def goes_with(owner: object, folder: Path) -> None:
    """Remove a folder once nothing refers to its owner any more."""
    weakref.finalize(owner, remove, folder)


def remove(folder: Path) -> None:
    """Remove a folder with everything in it."""
    shutil.rmtree(folder, ignore_errors=True)


def remove_all(process: int | None = None) -> None:
    """Remove all folders of a process that has ended, or of this one, which is about to."""
    for folder in ROOT.glob(f"{process or os.getpid()}-*"):
        remove(folder)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
