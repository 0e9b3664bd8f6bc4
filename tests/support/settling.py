"""Waiting until a Textual app has answered what it was given, however busy the machine is."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from textual import _wait, app, pilot

_TURNS = 10
_PATIENCE_S = 240.0


async def settled() -> None:
    """Wait until nothing is left to run on this event loop: ten turns in which nobody else ran."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _PATIENCE_S
    turns = 0
    while turns < _TURNS and loop.time() < end:
        await asyncio.sleep(0)
        turns = turns + 1 if not loop._ready else 0


async def wait_for_idle(min_sleep: float = _wait.SLEEP_GRANULARITY, max_sleep: float = 1) -> None:
    """What Textual's own does, and more.

    Its own takes a process that hardly computes for one that has nothing to do. A process that
    the machine does not let compute looks the same.
    """
    await _wait.wait_for_idle(min_sleep, max_sleep)
    await settled()


class PatientPilot(pilot.Pilot[object]):
    """A pilot whose pauses end no earlier than what was begun in them."""

    async def pause(self, delay: float | None = None) -> None:
        """Wait as any pilot does, then until the app has settled."""
        with suppress(app.ScreenStackError):  # the app may have ended meanwhile
            await super().pause(delay)
            await settled()
            self.app.screen._on_timer_update()

    async def _wait_for_screen(self, timeout: float = _PATIENCE_S) -> bool:
        return await super()._wait_for_screen(timeout)


def be_patient(patch: pytest.MonkeyPatch) -> None:
    """Let every pilot and every app under test wait like this."""
    patch.setattr(pilot, "wait_for_idle", wait_for_idle)
    patch.setattr(app, "wait_for_idle", wait_for_idle)
    patch.setattr(pilot, "Pilot", PatientPilot)
