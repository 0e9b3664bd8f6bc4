"""What the tests of the Studies view have in common: scripted studies, and getting to a page."""

from __future__ import annotations

from app.views.studies.pane import StudyPane
from tests.app.pair_app import until_shown
from tests.support import scripted_studies
from tests.support.scripted_studies import SPECS, Play

WIDE, NARROW = (200, 50), (80, 24)


def played(monkeypatch):
    """Puts scripted studies in place of the real ones; yields their script."""
    script = Play()
    monkeypatch.setattr(scripted_studies, "PLAY", script)
    monkeypatch.setattr("app.views.studies.desk.studies", lambda: SPECS)
    yield script
    script.gate.set()


async def shown_studies(pilot, key="f5"):
    """Open the view on its first study, below the overview."""
    await until_shown(pilot, "quit")
    await pilot.press(key)
    await until_shown(pilot, "overview", "scores", "not run")
    await pilot.press("j")
    return await until_shown(pilot, "scores", "not run")


async def finished(pilot, key="f5"):
    """Open the view and run its first study."""
    await shown_studies(pilot, key)
    await pilot.press("enter")
    return await until_shown(pilot, "done", "Tuned scores are higher: p 0.01.")


async def opened(pilot, page, key="f5"):
    """Open the first study, on a page; its title is waited for."""
    await finished(pilot, key)
    await pilot.press("enter")
    await turned_to(pilot, page)


async def turned_to(pilot, page):
    """Turn the pages of the study that is open to the one with this title."""
    pane = pilot.app.query_one(StudyPane)
    for _ in range(pane.count):
        if pane.page.title == page:
            break
        await pilot.press("l")
    await until_shown(pilot, page)
    await pilot.pause(0.1)
