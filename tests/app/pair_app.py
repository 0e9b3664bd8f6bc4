"""The app on a scripted pair, and what its screen says, for tests."""

from __future__ import annotations

import asyncio
import base64
import csv
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

from textual.pilot import Pilot

from analysis.events import Event
from analysis.request import ModelChoice, Request
from analysis.saliency.cases.library import CaseLibrary
from analysis.words.choice import Words, WordVectors
from app.config import Settings
from app.main import InsttuiApp
from app.widgets.token_face import TokenFace
from app.workspace import Example, LibraryWorkspace, PairWorkspace
from tests.support.case_folders import write_small_library
from tests.support.scripted_session import Script, ScriptedSession

# Generous: a slow machine may have other work.
PATIENCE_S = 60.0

EXAMPLES = (
    Example("Capital of a country", "What is the capital of France?\n\nInput: France\nOutput:"),
    Example(
        "Opposite of a word", "Give the opposite of the word. Be brief.\n\nInput: hot\nOutput:"
    ),
)


class PairApp:
    """An app with the session behind it; maps open in the grid unless another face is named."""

    def __init__(
        self,
        folder: Path,
        *,
        script: Script | None = None,
        settings: Settings | None = None,
        stored: dict | None = None,
        examples: tuple[Example, ...] = EXAMPLES,
        names: tuple[str, str] = ("demo-base", "demo-tuned"),
        face: str = "grid",
    ) -> None:
        self.session: ScriptedSession | None = None

        def connect(on_status: Callable, warn: Callable) -> ScriptedSession:
            self.session = ScriptedSession(script, on_status, stored)
            return self.session

        base, tuned = (ModelChoice(name, name) for name in names)
        words, vectors = Words("demo"), WordVectors("demo")
        self.workspace = PairWorkspace(connect, base, tuned, words, vectors, examples)
        self.app = InsttuiApp(
            self.workspace, settings or Settings(), state_path=folder / "state.json"
        )
        if not (folder / "state.json").exists():
            self.app.update_state(face=face)

    def running(self, size: tuple[int, int] = (80, 24)) -> AbstractAsyncContextManager[Pilot]:
        """The app in a terminal of a size, notifications shown."""
        return self.app.run_test(size=size, notifications=True)


@asynccontextmanager
async def pair_at(
    arrive: Callable[..., Awaitable[object]],
    folder: Path,
    *words: str,
    size: tuple[int, int] = (80, 24),
    **given: object,
) -> AsyncIterator[tuple[PairApp, Pilot]]:
    """A pair's app in a terminal of a size, once `arrive` has led to where the test begins."""
    pair = PairApp(folder, **given)
    async with pair.running(size) as pilot:
        await arrive(pilot, *words)
        yield pair, pilot


@contextmanager
def library_app(folder: Path, library: Path | None = None) -> Iterator[InsttuiApp]:
    """The app on stored cases, a small library of the folder unless another one is named."""
    cases = CaseLibrary.open(library or write_small_library(folder / "library"))
    try:
        app = InsttuiApp(LibraryWorkspace(cases), Settings(), state_path=folder / "state.json")
        app.update_state(face="grid")
        yield app
    finally:
        cases.close()


def requests_of(pair: PairApp, kind: type[Request]) -> list[Request]:
    """What was asked of this kind, in order."""
    return [request for request in pair.session.requests if isinstance(request, kind)]


def hold_back(pair: PairApp, kind: type[Request]) -> Callable[[], None]:
    """From now on, no answers to requests of this kind; returns what lets them through."""
    session, script = pair.session, pair.session._script

    def held(request: Request) -> Iterator[Event]:
        if isinstance(request, kind):
            session.gate.clear()
        yield from script(request)

    def release() -> None:
        session._script = script
        session.gate.set()

    session._script = held
    return release


def csv_rows(path: Path) -> list[dict[str, str]]:
    """The rows of an exported file by column."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


async def copied(pilot: Pilot, *keys: str) -> str:
    """What these keys copy, as the terminal is told to."""
    written = []
    pilot.app._driver.write = written.append
    await pilot.press(*keys)
    await until(pilot, lambda: any("\x1b]52;c;" in text for text in written))
    osc = next(text for text in written if text.startswith("\x1b]52;c;"))
    return base64.b64decode(osc.removeprefix("\x1b]52;c;").removesuffix("\x07")).decode()


def faces(app: InsttuiApp) -> list[TokenFace]:
    """The visible maps of tokens, base first."""
    return [face for face in app.query(TokenFace) if face.region.area]


def screen(app: InsttuiApp) -> str:
    """The screen as text."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


async def until(pilot: Pilot, condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    """Wait for something to become true; fail, showing the screen, where it does not."""
    for _ in range(int(seconds / 0.02)):
        await pilot.pause(0.02)
        if condition():
            return
    raise AssertionError(screen(pilot.app))


async def until_shown(pilot: Pilot, *words: str, seconds: float = PATIENCE_S) -> str:
    """Wait until all these words are on the screen; the screen."""

    def shown() -> bool:
        # Drawn once, whatever is looked for: most of the time of many tests goes into this.
        text = screen(pilot.app)
        return all(word in text for word in words)

    await until(pilot, shown, seconds)
    await asyncio.sleep(0)
    return screen(pilot.app)


async def until_quiet(pilot: Pilot, noted: list) -> None:
    """Wait until a list that notes what happens has not grown for a while, and empty it."""
    for _ in range(100):
        noted.clear()
        await pilot.pause(0.4)
        if not noted:
            return
    raise AssertionError(noted)


async def started(pilot: Pilot) -> None:
    """Wait for the Prompt view, which is shown first."""
    await until_shown(pilot, "Examples", "Capital of a country")


async def shown_pair(pilot: Pilot) -> str:
    """Run the first example and wait for both maps."""
    await until_shown(pilot, "Capital of a country")
    await pilot.press("enter")
    compared = "difference ", "different answers"
    await until(pilot, lambda: any(words in screen(pilot.app) for words in compared))
    return screen(pilot.app)


async def until_loaded(pilot: Pilot) -> None:
    """Wait until both models are loaded and the engine has nothing to do."""

    def loaded() -> bool:
        status = pilot.app.status
        return status.state == "idle" and len(status.models) == 2

    await until(pilot, loaded)
