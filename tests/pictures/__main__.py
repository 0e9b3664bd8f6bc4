"""Pictures of every view, taken of the real app: ``python -m tests.pictures [--readme] [FOLDER]``.

They are SVG files, at 200×50 and at 80×24. Exits with 1 where one is blank, does not fill its
screen or shows a traceback.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

# A terminal of many colours, whatever this command runs in; the app looks when it is imported.
os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
for _name in ("NO_COLOR", "FORCE_COLOR", "SSH_TTY", "TMUX", "COLUMNS", "LINES"):
    os.environ.pop(_name, None)

from tests.pictures.picture import Picture  # noqa: E402
from tests.pictures.scenes import FILM, SCENES, STORED  # noqa: E402
from tests.pictures.studio import studio  # noqa: E402
from tests.pictures.svg import film, still  # noqa: E402
from tests.support.case_folders import write_small_library  # noqa: E402

ROOT = Path(__file__).parents[2]
SIZES = ((200, 50), (80, 24))
README_FOLDER, README_SIZE = ROOT / ".github" / "pictures", (120, 34)


def main() -> int:
    """Take the pictures; 1 where one is no good."""
    options = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    options.add_argument("folder", nargs="?", type=Path, default=ROOT / "pictures")
    options.add_argument("--readme", action="store_true", help="the README's pictures and its film")
    options.add_argument(
        "--cache-dir", type=Path, help="where results are kept from one run to the next"
    )
    given = options.parse_args()
    folder = README_FOLDER if given.readme else given.folder
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with TemporaryDirectory() as passing:
        take = _for_readme if given.readme else _every_view
        faults = asyncio.run(take(folder, given.cache_dir or Path(passing) / "cache"))
    for fault in faults:
        print(fault, file=sys.stderr)
    count = len(list(folder.glob("*.svg")))
    print(f"{count} pictures in {folder} after {time.monotonic() - began:.0f} s")
    return 1 if faults else 0


async def _every_view(folder: Path, results: Path) -> list[str]:
    """All scenes at both sizes, the second time from what the first one computed."""
    faults = []
    with TemporaryDirectory() as passing:
        library = write_small_library(Path(passing) / "library")
        for size in SIZES:
            for scenes, given in ((SCENES, ()), (STORED, ("--results", str(library)))):
                async with studio(results, size, *given) as here:
                    async for name, picture in here.pictures(scenes):
                        faults += _save(picture, folder / f"{name}-{size[0]}x{size[1]}.svg")
    return faults


async def _for_readme(folder: Path, results: Path) -> list[str]:
    """The scenes that the README shows, at a size that fits a page, and the film."""
    faults = []
    shown = (ROOT / "README.md").read_text("utf-8")
    async with studio(results, README_SIZE, costly=True) as here:
        async for name, picture in here.pictures(SCENES):
            if f"/{name}.svg)" in shown:
                faults += _save(picture, folder / f"{name}.svg")
    async with studio(results, README_SIZE) as here:
        pictures, seconds = await here.film(FILM)
    text = film(pictures, seconds, "insttui: from a prompt to what tuning changed")
    (folder / "film.svg").write_text(text, encoding="utf-8")
    return faults


def _save(picture: Picture, path: Path) -> list[str]:
    """Write a picture; returns its faults, with its name."""
    path.write_text(still(picture, f"insttui, {path.stem}"), encoding="utf-8")
    return [f"{path.name}: {fault}\n{picture.text}" for fault in picture.faults()]


if __name__ == "__main__":
    sys.exit(main())
