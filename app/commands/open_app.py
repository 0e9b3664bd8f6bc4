"""``insttui`` without a command: the app, on the demo pair, a pair of models or stored results."""

from __future__ import annotations

import gc
import os
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.demo import catalog
from analysis.problems import problem
from app.commands import inputs
from app.commands.cache_place import named_place
from app.config import Settings, load_settings
from app.terminal.checks import require_terminal
from app.terminal.endings import end_on_signals
from app.workspace import Example, LibraryWorkspace, PairWorkspace, Workspace

if TYPE_CHECKING:
    from analysis.events import EngineStatus
    from analysis.session.session import Session


def run(options: Namespace) -> int:
    require_terminal()
    settings = load_settings()
    workspace = workspace_of(options, settings)
    # Nearly everything allocated before the first paint lives on: no garbage collection until then.
    gc.disable()
    from app.main import InsttuiApp

    app = InsttuiApp(workspace, settings)
    end_on_signals(app.told_to_end, app.restore_terminal, app.wake)
    app.run(mouse=not options.no_mouse)
    # The terminal is restored and the state saved. A normal interpreter exit could wait for a
    # thread that is waiting for a disk, and keep the user from the shell.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(app.return_code or 0)


def workspace_of(options: Namespace, settings: Settings) -> Workspace:
    """What the options open; ProblemError if they name nothing that can be opened."""
    if options.results:
        if options.base or options.tuned:
            raise problem(
                "input", "--results opens stored maps; it takes no --base and no --tuned."
            )
        from analysis.saliency.cases.library import CaseLibrary

        return LibraryWorkspace(CaseLibrary.open(Path(options.results)))
    return _pair(options, settings)


def _pair(options: Namespace, settings: Settings) -> PairWorkspace:
    base, tuned = inputs.pair(options, settings)

    def connect(on_status: Callable[[EngineStatus], None], warn: Callable[[str], None]) -> Session:
        # Imported after the first paint.
        from analysis.session.session import Session
        from app.commands.session import open_store

        store, warning = open_store(options)
        if warning:
            warn(warning)
        return Session(store, on_status=on_status)

    words, vectors = inputs.words_and_vectors(options, settings, base, tuned)
    kept = named_place(options)
    return PairWorkspace(connect, base, tuned, words, vectors, _examples(), kept)


def _examples() -> tuple[Example, ...]:
    return tuple(
        Example(example.title, example.prompt, example.instruction_places, example.form)
        for example in catalog.examples()
    )
