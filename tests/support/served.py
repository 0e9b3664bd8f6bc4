"""The app as a browser sees it: an ``insttui serve``, and what comes over its websocket."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pyte

from tests.support.program import PATIENCE_S, Home

# pyte does not know these and would print their rest.
_PRIVATE = re.compile(rb"\x1b\[[<=>][0-9;]*[a-zA-Z]")


@contextmanager
def served(home: Home, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server, and the address that it prints."""
    process = home.start("serve", "--port", "0", *arguments)
    assert process.stdout is not None
    try:
        said = process.stdout.readline().decode()
        assert said.startswith("insttui is at "), said
        yield process, said.split()[-1]
    finally:
        process.kill()
        process.communicate()


def visitor() -> aiohttp.ClientSession:
    """Who asks a server on this machine, and keeps its cookies."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


class Screen:
    """What a terminal shows of the bytes that are fed to it."""

    def __init__(self, columns: int = 100, lines: int = 30) -> None:
        self._display = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._display)

    def resize(self, columns: int, lines: int) -> None:
        """Give it another size."""
        self._display.resize(lines, columns)

    def feed(self, data: bytes) -> None:
        """Draw some more."""
        self._stream.feed(_PRIVATE.sub(b"", data))

    def shown(self) -> str:
        """Its lines, without the spaces at their ends."""
        return "\n".join(line.rstrip() for line in self._display.display)


class Session:
    """An app over a websocket, as the page in the browser talks to it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.screen = Screen()

    async def paste(self, text: str) -> None:
        """Paste text."""
        await self.type(f"\x1b[200~{text}\x1b[201~")

    async def type(self, keys: str) -> None:
        """Press keys."""
        await self.socket.send_json(["stdin", keys])

    async def wait_for(self, text: str) -> None:
        """Read until the text is on the screen."""
        async with asyncio.timeout(PATIENCE_S):
            while text not in self.screen.shown():
                message = await self.socket.receive()
                assert message.type is aiohttp.WSMsgType.BINARY, (message, self.screen.shown())
                self.screen.feed(message.data)

    async def wait_for_end(self) -> None:
        """Read until the server closes the connection."""
        async with asyncio.timeout(PATIENCE_S):
            async for _ in self.socket:
                pass


@asynccontextmanager
async def session(address: str) -> AsyncIterator[Session]:
    """An app that has just been started for a page."""
    socket = address.replace("/?", "/ws?width=100&height=30&")
    async with visitor() as asking, asking.ws_connect(socket, heartbeat=None) as opened:
        await opened.send_json(["focus"])
        yield Session(opened)


class Page:
    """A page in a headless Chromium, by its debugging protocol.

    Attributes:
        screen: What it was sent over websockets.
        requests: The addresses that it has asked for.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, page: str) -> None:
        self._socket, self._page = socket, page
        self._numbers = count(1)
        self.screen = Screen()
        self.requests: list[str] = []

    async def call(self, method: str, **parameters: Any) -> Any:
        """What a method returns; events that come before are heard."""
        number = next(self._numbers)
        await self._socket.send_json(
            {"id": number, "method": method, "params": parameters, "sessionId": self._page}
        )
        while (message := await self._hear()).get("id") != number:
            pass
        assert "error" not in message, message
        return message["result"]

    async def _hear(self) -> Any:
        message = await self._socket.receive_json(timeout=PATIENCE_S)
        parameters = message.get("params", {})
        if message.get("method") == "Network.webSocketFrameReceived":
            frame = parameters["response"]
            if frame["opcode"] == 2:
                self.screen.feed(base64.b64decode(frame["payloadData"]))
        elif message.get("method") == "Network.webSocketFrameSent":
            kind, *rest = json.loads(parameters["response"]["payloadData"])
            if kind == "resize":
                self.screen.resize(rest[0]["width"], rest[0]["height"])
        elif message.get("method") == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        return message

    async def wait_for(self, text: str) -> None:
        """Hear until the app has drawn this text."""
        async with asyncio.timeout(PATIENCE_S):
            while text not in self.screen.shown():
                await self._hear()

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    async def press(self, key: str, code: int, text: str = "", modifiers: int = 0) -> None:
        """Press and release a key."""
        named = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **named)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    async def save_picture(self, path: Path) -> None:
        """What is to be seen, as PNG."""
        found = await self.call("Page.captureScreenshot")
        path.write_bytes(base64.b64decode(found["data"]))


@asynccontextmanager
async def chromium(program: str, folder: Path) -> AsyncIterator[Page]:
    """An empty page of a browser that has never been used before."""
    command = [
        *(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--remote-debugging-port=0", f"--user-data-dir={folder}", "--window-size=1200,800"),
        "about:blank",
    ]
    browser = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    assert browser.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (line := await browser.stderr.readline()).startswith(b"DevTools listening"):
                assert line, "the browser has ended"
        async with (
            visitor() as asking,
            asking.ws_connect(line.split()[-1].decode(), max_msg_size=0) as socket,
        ):
            await socket.send_json({"id": 0, "method": "Target.getTargets"})
            targets = (await _answer(socket))["targetInfos"]
            page = next(each["targetId"] for each in targets if each["type"] == "page")
            attach = {"targetId": page, "flatten": True}
            await socket.send_json({"id": 0, "method": "Target.attachToTarget", "params": attach})
            yield Page(socket, (await _answer(socket))["sessionId"])
    finally:
        browser.terminate()
        await browser.wait()


async def _answer(socket: aiohttp.ClientWebSocketResponse) -> Any:
    while (message := await socket.receive_json(timeout=PATIENCE_S)).get("id") != 0:
        pass
    return message["result"]
