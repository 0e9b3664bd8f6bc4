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
from analysis.request import Pair
from app.commands import inputs
from app.config import Settings, load_settings
from app.terminal.checks import require_terminal
from app.terminal.endings import end_on_signals
from app.workspace import Example, LibraryWorkspace, PairWorkspace, SeriesModel, Workspace

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
        if options.base or options.tuned or options.series:
            raise problem(
                "input",
                "--results opens stored maps; it takes no --base, no --tuned and no --series.",
            )
        from analysis.saliency.cases.library import CaseLibrary

        return LibraryWorkspace(CaseLibrary.open(Path(options.results), later=True))
    return _pair(options, settings)


def _pair(options: Namespace, settings: Settings) -> PairWorkspace:
    series, named = _series(options, settings)
    base, tuned = series[-1][1] if series else inputs.pair(options, settings)

    def connect(on_status: Callable[[EngineStatus], None], warn: Callable[[str], None]) -> Session:
        # Imported after the first paint.
        from analysis.session.session import Session
        from app.commands.session import open_store

        store, warning = open_store(options)
        if warning:
            warn(warning)
        return Session(store, on_status=on_status)

    words, vectors = inputs.words_and_vectors(options, settings, base, tuned)
    cache_dir: str = getattr(options, "cache_dir", "")
    if cache_dir:
        # Imported here: the first screen needs nothing of the cache.
        from cache.address import is_shared

        if is_shared(cache_dir):
            from app.commands.session import check_address

            # Said now, not once the app is open.
            check_address(cache_dir)
        else:
            cache_dir = str(Path(cache_dir).expanduser().absolute())
    run = tuple(SeriesModel(step, model) for step, (_, model) in series)
    return PairWorkspace(connect, base, tuned, words, vectors, _examples(), cache_dir, run, named)


def _series(options: Namespace, settings: Settings) -> tuple[list[tuple[int | str, Pair]], str]:
    """The pairs of a training run by step, and what names the run; nothing without one."""
    if not options.series:
        return [], ""
    # Imported here: few open a training run.
    from app.commands.series import each_step, whereabouts

    steps = [(each.step, pair) for each, _, pair in each_step(options, settings)]
    return steps, whereabouts(options.series)


def _examples() -> tuple[Example, ...]:
    return tuple(
        Example(example.title, example.prompt, example.instruction_places, example.form)
        for example in catalog.examples()
    )
