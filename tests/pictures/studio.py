"""The real app on the demo pair, or on stored maps, in a terminal of any size without a window."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from textual.pilot import Pilot

from app.commands.open_app import workspace_of
from app.commands.parser import parser
from app.config import Settings
from app.frame.jobs_panel import jobs_of
from app.main import InsttuiApp
from tests.pictures.picture import Picture
from tests.pictures.scenes import Scene, Take
from tests.support.settling import settled as nothing_left_to_run

# Generous: a picture may need a whole analysis, and a slow machine may have other work.
_PATIENCE_S = 1800.0
# As long nothing has to happen: longer than views wait for a user who only passes by.
_QUIET_S = 0.8
_LOOK_EVERY_S = 0.1


class Studio:
    """An app that is photographed."""

    def __init__(self, app: InsttuiApp, pilot: Pilot[object], *, costly: bool) -> None:
        """Args: the running app and what presses its keys; whether costly work is waited for."""
        self._app, self._pilot, self._costly = app, pilot, costly

    async def pictures(self, scenes: Iterable[Scene]) -> AsyncIterator[tuple[str, Picture]]:
        """The pictures of scenes by name, one after the other."""
        for scene in scenes:
            await self._go(scene.view)
            for keys in filter(None, (scene.keys, scene.costly if self._costly else ())):
                await self._pilot.press(*keys)
                await self.settled()
            yield scene.name, Picture.of(self._app)

    async def film(self, takes: Iterable[Take]) -> tuple[list[Picture], list[float]]:
        """The pictures of a film, and for how many seconds each is to be seen."""
        pictures, seconds = [], []
        for take in takes:
            await self._go(take.view)
            for key in take.keys:
                if key:
                    await self._pilot.press(key)
                    await self.settled()
                pictures.append(Picture.of(self._app))
                seconds.append(take.seconds)
            seconds[-1] += take.last
        return pictures, seconds

    async def settled(self) -> None:
        """Wait until nothing computes and nothing has changed on the screen for a while."""
        end = time.monotonic() + _PATIENCE_S
        before, since = "", time.monotonic()
        while time.monotonic() < end:
            await self._pilot.pause(_LOOK_EVERY_S)
            await nothing_left_to_run()
            now = Picture.of(self._app).text
            if self._working or now != before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since > _QUIET_S:
                return
        raise TimeoutError(f"not settled after {_PATIENCE_S:g} s:\n{before}")

    async def _go(self, view: str) -> None:
        """Show a view as a user does, by its number; the Prompt view's Enter leads to its maps."""
        here = self._app.view.id
        if here == view:
            return
        number = [spec.id for spec in self._app.views].index(view) + 1
        runs = (here, view) == ("prompt", "saliency")
        await self._pilot.press("enter" if runs else f"f{number}" if number > 1 else "1")
        await self.settled()

    @property
    def _working(self) -> bool:
        engine = self._app.status.state not in ("idle", "off")
        jobs = jobs_of(self._app.views, self._app.base)
        tasks = any(job.task.state == "running" for job in jobs)
        return engine or tasks or any(worker.is_running for worker in self._app.workers)


@asynccontextmanager
async def studio(
    results: Path, size: tuple[int, int], *options: str, costly: bool = False
) -> AsyncIterator[Studio]:
    """An app as it opens the first time, but for results of another one.

    Args:
        results: Where these are kept.
        size: Columns and rows.
        options: What `insttui` is called with besides.
        costly: Whether what takes more than seconds is begun.
    """
    given = parser().parse_args(["--cache-dir", str(results), *options])
    with TemporaryDirectory() as new:
        state = Path(new) / "state.json"
        app = InsttuiApp(workspace_of(given, Settings()), Settings(), state_path=state)
        async with app.run_test(size=size, notifications=True) as pilot:
            made = Studio(app, pilot, costly=costly)
            await made.settled()
            yield made
