"""Serves the app to browsers: a page, and over its websocket an app of its own for every page.

textual-serve brings the terminal that runs in the browser, and the two ends of what passes between
it and the app. Beside it stands here who may connect. A page runs programs and reads files with the
rights of the user who serves it. So without the token nobody gets as much as a stylesheet, also on
this machine alone: others may be logged in to it, and pages from elsewhere are open in the user's
browser. The page takes the token from its address once; then the browser keeps it as a cookie.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import textual_serve
from aiohttp import web
from textual_serve.server import Server

_PAGE = Path(__file__).with_name("page.html")
_STATIC = Path(textual_serve.__path__[0]) / "static"
_HEADERS = {
    # The address has the token, and no other page may show this one in a frame.
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
# How long the apps may take to end: one that is stuck ends itself after four (`terminal.endings`).
_ENDING_S = 5.0
# And then their connections.
_CLOSING_S = 1.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AppServer:
    """A server of one app."""

    def __init__(self, command: str, token: str) -> None:
        """Args: what a shell runs to start the app; what a browser has to know."""
        self._token = token
        self._cookie = f"insttui-{secrets.token_hex(4)}"
        self._apps = Server(command)
        self._sessions: set[asyncio.Task[object]] = set()

    async def serve(self, host: str, port: int, started: Callable[[int], None]) -> None:
        """Serve until a signal ends it, and with it all apps.

        Args:
            host: The address to listen on.
            port: The port; 0 for any that is free.
            started: Called with the port, once browsers can connect.

        Raises:
            OSError: It cannot listen there.
        """
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=_CLOSING_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            started(runner.addresses[0][1])
            await stop.wait()
        finally:
            await runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._admit])
        application.add_routes(
            [
                web.get("/", self._page),
                web.get("/ws", self._session),
                web.get("/download/{key}", self._apps.handle_download),
                web.static("/static", _STATIC),
            ]
        )
        application.on_shutdown.append(self._end_sessions)
        return application

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse whoever does not know the token, and pages of other sites in any case."""
        given = request.query.get("token") or request.cookies.get(self._cookie, "")
        if not secrets.compare_digest(given.encode(), self._token.encode()):
            raise web.HTTPForbidden(
                text="Open the address that insttui serve has printed, with its token.\n"
            )
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="The request comes from another site.\n")
        return await handler(request)

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        response = web.FileResponse(_PAGE, headers=_HEADERS)
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="Strict")
        return response

    async def _session(self, request: web.Request) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        try:
            return await self._apps.handle_websocket(request)
        finally:
            self._sessions.discard(task)

    async def _end_sessions(self, _application: web.Application) -> None:
        """Tell every app to end, and wait until it has.

        One that takes too long, as while it starts, ends by itself when its input does.
        """
        waiting = set(self._sessions)
        for each in waiting:
            each.cancel()
        if waiting:
            _, waiting = await asyncio.wait(waiting, timeout=_ENDING_S)
        for each in waiting:
            each.cancel()
