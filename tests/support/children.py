"""Python in a child process: on a disk that is full or read-only, or without privileges."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Generous: a slow machine may have other work.
PATIENCE_S = 240.0

# Prepended to code that must obey file permissions; root does not.
DROP_PRIVILEGES = """
import os
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
"""


def start(code: str, *arguments: object, within: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """A process that runs `code` with `arguments` in ``sys.argv[1:]``.

    Args:
        code: Python; it can import this project's packages.
        arguments: Passed on as strings.
        within: A command that executes the rest of its arguments, such as `tiny_disk`'s.
    """
    return subprocess.Popen(
        [*within, sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output_of(process: subprocess.Popen[str], seconds: float = PATIENCE_S) -> str:
    """What the process prints until it ends, which it must do without an error."""
    output, errors = process.communicate(timeout=seconds)
    assert process.returncode == 0, errors
    return output


def run(code: str, *arguments: object, within: tuple[str, ...] = ()) -> str:
    """What `code` prints; see `start`."""
    return output_of(start(code, *arguments, within=within))


def tiny_disk(folder: Path, kilobytes: int) -> tuple[str, ...] | None:
    """A command that runs another one with an empty disk of that size mounted on `folder`.

    None where the system does not let this user mount anything.
    """
    return _mounting(f"mount -t tmpfs -o size={kilobytes}k none {folder}")


def read_only_disk(folder: Path) -> tuple[str, ...] | None:
    """A command that runs another one with `folder` mounted read-only, or None."""
    return _mounting(f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}")


def _mounting(command: str) -> tuple[str, ...] | None:
    if shutil.which("unshare") is None:
        return None
    within = ("unshare", "--mount", "--map-root-user", "sh", "-c", f'{command} && exec "$@"', "sh")
    allowed = subprocess.run([*within, "true"], capture_output=True, check=False).returncode == 0
    return within if allowed else None


@contextmanager
def public_folder() -> Iterator[Path]:
    """A temporary folder that every user of the machine can reach, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for path in folder.rglob("*"):
            if path.is_dir():
                path.chmod(0o755)
