"""The app in a browser: who gets in, what is seen there, and that nothing is left of it."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from shutil import which

import pytest

from tests.support.program import PATIENCE_S, Home, wait_until

pytest.importorskip("textual_serve", reason="textual-serve is not installed")
from tests.support.served import chromium, served, session, visitor

TOKEN = "some-token-of-ours"
CTRL_C, CTRL_R = "\x03", "\x12"
CHROMIUM = next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def home(tmp_path: Path, program: str) -> Home:
    """A home where the demo pair is all there is."""
    return Home(tmp_path / "home", program)


async def test_nobody_gets_in_without_the_token_or_from_another_site(home: Home) -> None:
    with served(home, "--token", TOKEN) as (_, address):
        server = address.removesuffix(f"/?token={TOKEN}")
        assert server.startswith("http://127.0.0.1:")
        for path in ("/", "/ws", "/ws?token=other", "/static/js/textual.js", "/download/x", "/x"):
            async with visitor() as stranger, stranger.get(server + path) as answer:
                assert answer.status == 403
        async with visitor() as user:
            async with user.get(address) as answer:
                assert answer.status == 200
                assert TOKEN not in await answer.text()
            # From now on its cookie speaks for the browser, but not for other pages in it.
            for origin, status in ((server, 200), ("http://elsewhere.org", 403), ("null", 403)):
                script = user.get(f"{server}/static/js/textual.js", headers={"Origin": origin})
                async with script as answer:
                    assert answer.status == status
            socket = user.get(f"{server}/ws", headers={"Origin": "http://elsewhere.org"})
            async with socket as answer:
                assert answer.status == 403
        assert len(home.processes()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["quit", "leave", "interrupt", "kill"])
async def test_however_it_ends_no_process_is_left(ending: str, home: Home) -> None:
    with served(home) as (server, address):
        async with session(address) as page:
            await page.wait_for("Type or paste a prompt")
            await page.paste("What is hot?")
            await page.wait_for("What is hot?")
            assert len(home.processes()) > 1
            if ending == "quit":
                await page.type(CTRL_C)
                await page.wait_for_end()
            elif ending == "interrupt":
                server.send_signal(signal.SIGINT)
                await page.wait_for_end()
            elif ending == "kill":
                server.kill()
        left = [server.pid] if ending in ("quit", "leave") else []
        wait_until(lambda: home.processes() == left, "the end of the app")
        if ending == "interrupt":
            assert server.wait() == 0


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
async def test_a_browser_types_a_prompt_and_sees_a_map(home: Home, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    with served(home) as (server, address):
        async with chromium(CHROMIUM, tmp_path / "browser") as page:
            await page.call("Network.enable")
            await page.call("Page.enable")
            await page.call("Page.navigate", url=address)
            await page.wait_for("Type or paste a prompt")
            await page.call("Input.insertText", text="/")
            await page.call("Input.insertText", text="What is the opposite of hot?")
            await page.wait_for("What is the opposite of hot?")
            await page.press("r", 82, modifiers=2)
            await page.wait_for("heaviest words")
            assert all(each.startswith(address.partition("?")[0]) for each in page.requests)
            if folder := os.environ.get("INSTTUI_PICTURES"):
                await page.save_picture(Path(folder) / "browser.png")
            await page.press("c", 67, modifiers=2)
            wait_until(lambda: home.processes() == [server.pid], "the end of the app")
            # The page hears of it a moment later.
            async with asyncio.timeout(PATIENCE_S):
                while "-closed" not in await page.evaluate("document.body.className"):
                    await asyncio.sleep(0.05)
