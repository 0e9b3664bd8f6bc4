"""insttui as a user starts it, headless or in a terminal, in a home without a network."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from app.config import state_file
from app.state import Prompt, State, save_state
from tests.support.terminal import PATIENCE_S, Terminal

PROGRAM = str(Path(sysconfig.get_path("scripts")) / "insttui")


@dataclass(frozen=True)
class Outcome:
    """What a headless command left behind.

    Attributes:
        status: Its exit status, negative for a signal.
        output: Its standard output.
        errors: Its standard error.
    """

    status: int
    output: bytes
    errors: str

    @property
    def rows(self) -> list[dict[str, str]]:
        """Standard output as CSV."""
        text = io.StringIO(self.output.decode("utf-8"), newline="")
        return list(csv.DictReader(text))


class Home:
    """A user's folders, empty at first, on a machine that reaches no network."""

    def __init__(self, folder: Path, program: str = PROGRAM) -> None:
        self.program = program
        self.folder = folder
        self.work = folder / "work"
        self.work.mkdir(parents=True)
        self._settings = folder / "settings.toml"
        self._settings.write_text("")
        self.environment = {
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state"),
            "HF_HOME": str(folder / "hub"),
            "HF_HUB_CACHE": str(self.hub),
            # Nobody listens there.
            "HF_ENDPOINT": "http://127.0.0.1:9",
            "HF_HUB_OFFLINE": "",
            "TRANSFORMERS_OFFLINE": "",
            "INSTTUI_CONFIG": str(self._settings),
            # The test needs the other cores.
            "OMP_NUM_THREADS": "1",
            # A user's second start finds everything compiled.
            "PYTHONDONTWRITEBYTECODE": "",
            # What is left open at the end would be said on standard error.
            "PYTHONWARNINGS": "always::ResourceWarning",
        }

    @property
    def hub(self) -> Path:
        """The hub client's cache."""
        return self.folder / "hub" / "hub"

    def name_models(self, **models: Path) -> None:
        """Give folders short names in the user's settings."""
        lines = [
            f"{json.dumps(name)} = {json.dumps(str(folder))}" for name, folder in models.items()
        ]
        self._settings.write_text("\n".join(["[aliases]", *lines, ""]))

    def cold(self) -> Home:
        """The same home, where every engine imports torch anew, as a user's does."""
        other = copy(self)
        other.program = PROGRAM
        return other

    def forbid_torch(self) -> None:
        """From now on torch cannot be imported here, so that only what is stored is answered."""
        self.program = PROGRAM
        package = self.folder / "forbidden" / "torch"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("raise ImportError('torch is forbidden here')")
        inherited = os.environ.get("PYTHONPATH", "")
        self.environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(package.parent), inherited])
        )

    def write_draft(self, prompt: str) -> None:
        """What stands in the app's entry when it opens, as if left there last time."""
        with patch.dict(os.environ, self.environment):
            save_state(state_file(), State(draft=Prompt(prompt)))

    def start(
        self,
        *arguments: str | bytes | Path,
        within: Sequence[str] = (),
        environment: dict[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a headless command; `within` is a command that runs the rest of its arguments."""
        return subprocess.Popen(
            [*within, self.program, *arguments],
            env={**os.environ, **self.environment, **(environment or {})},
            cwd=self.work,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(
        self,
        *arguments: str | bytes | Path,
        stdin: bytes = b"",
        within: Sequence[str] = (),
        environment: dict[str, str] | None = None,
    ) -> Outcome:
        """Run a headless command to its end."""
        return outcome(self.start(*arguments, within=within, environment=environment), stdin)

    def terminal(
        self,
        *arguments: str,
        columns: int = 140,
        lines: int = 40,
        within: Sequence[str] = (),
        environment: dict[str, str] | None = None,
    ) -> Terminal:
        """Start insttui in a terminal."""
        return Terminal(
            [*within, self.program, *arguments],
            columns=columns,
            lines=lines,
            environment={**self.environment, **(environment or {})},
            folder=self.work,
        )

    def processes(self) -> list[int]:
        """Everything that was started from this home and still runs (Linux; else nothing)."""
        mark = f"\0HOME={self.folder}\0".encode()
        found = []
        for file in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in b"\0" + file.read_bytes():
                    found.append(int(file.parent.name))
            except OSError:
                continue
        return found


def outcome(process: subprocess.Popen[bytes], stdin: bytes = b"") -> Outcome:
    """What a started command does until its end."""
    output, errors = process.communicate(stdin, timeout=PATIENCE_S)
    return Outcome(process.returncode, output, errors.decode(errors="replace"))


def wait_until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
    """Wait for something outside of any terminal."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def engine_of(pid: int) -> int:
    """The engine process of a running insttui, once there is one."""
    wait_until(lambda: bool(children(pid)), f"an engine of process {pid}")
    return children(pid)[0]


def children(pid: int) -> list[int]:
    """The living child processes of a process."""
    return [each for each, parent, state in _processes() if parent == pid and state != "Z"]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    return any(each == pid and state != "Z" for each, _, state in _processes())


def _processes() -> list[tuple[int, int, str]]:
    """Every process: its id, its parent's, and its state, Z for a dead one."""
    if not sys.platform.startswith("linux"):
        listing = subprocess.check_output(["ps", "-A", "-o", "pid=,ppid=,state="], text=True)
        rows = [line.split() for line in listing.splitlines()]
        return [(int(pid), int(parent), state[0]) for pid, parent, state in rows]
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            # Behind the name, which stands in parentheses and may hold anything.
            state, parent = file.read_text(errors="replace").rpartition(") ")[2].split()[:2]
        except OSError:
            continue
        found.append((int(file.parent.name), int(parent), state))
    return found
