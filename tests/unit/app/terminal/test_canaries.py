"""What the app replaces of Textual is still what it replaced.

Nobody hears of it when Textual changes a method that is overridden here: it may do more by now, or
need less. Each test compares the source of one piece of Textual with the one that ours was written
against, and fails where constraints.txt has come to name a version that changed it.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from textual._compositor import ChopsUpdate, Compositor
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.drivers.web_driver import WebDriver
from textual.screen import Screen
from textual.strip import Strip

import app

CONSTRAINTS = Path(app.__file__).parents[1] / "constraints.txt"


class Piece(NamedTuple):
    """What of ours stands in the place of what of Textual's, whose source has this digest."""

    ours: str
    theirs: tuple[Callable[..., Any], ...]
    digest: str


PIECES = (
    Piece(
        "screen.FrugalUpdate.render_segments", (ChopsUpdate.render_segments,), "4c1cdb567e0b8354"
    ),
    Piece(
        "screen.FrugalCompositor",
        (Compositor.render_partial_update, Compositor._render_chops, Compositor._get_renders),
        "835867e342df1416",
    ),
    Piece("screen.FrugalScreen._on_timer_update", (Screen._on_timer_update,), "421401660de142c5"),
    Piece(
        "screen.FrugalScreen._compositor_refresh", (Screen._compositor_refresh,), "7a40efe563816a06"
    ),
    Piece("screen.FrugalScreen.on_screen_resume", (Screen._on_screen_resume,), "f39caa8ec4424d3c"),
    Piece(
        "screen.SteadySize._screen_resized",
        (Screen._screen_resized, Screen._refresh_layout),
        "5448e1d0219b4784",
    ),
    Piece("key_by_key.KeyByKeyApp.on_event", (App.on_event,), "3dbf14d694916fe3"),
    Piece("key_by_key.KeyByKeyApp._check_bindings", (App._check_bindings,), "c9643552d942518a"),
    Piece(
        "driver.ForgivingDriver.run_input_thread",
        (LinuxDriver.run_input_thread,),
        "d796af6d69db337d",
    ),
    Piece(
        "driver.ForgivingDriver.restore",
        (
            LinuxDriver.start_application_mode,
            LinuxDriver.stop_application_mode,
            LinuxDriver.disable_input,
        ),
        "afa555c48e3754c2",
    ),
    Piece(
        "driver.ForgivingDriver._sigtstp_application",
        (LinuxDriver._sigtstp_application, LinuxDriver._sigcont_application),
        "b7b86cd9f7f925a3",
    ),
    Piece(
        "web_driver.ServedDriver",
        (WebDriver.start_application_mode, WebDriver.run_input_thread, WebDriver.on_meta),
        "0256a8dde34c0db2",
    ),
    Piece("endings.end_on_signals", (App.run, App.run_async, App._on_exit_app), "751703c7c3374f22"),
    Piece("checks.require_terminal", (LinuxDriver.__init__,), "671887bbf938d1d8"),
    Piece("harmless.HarmlessText", (Strip.apply_filter, Strip.render), "7d046d1736780873"),
)


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.ours)
def test_textual_has_what_ours_was_written_against(piece: Piece) -> None:
    pinned = re.search(r"^textual==(\S+)$", CONSTRAINTS.read_text("utf-8"), re.MULTILINE)
    assert pinned is not None
    if version("textual") != pinned[1]:
        pytest.skip(f"Textual is {version('textual')} here; what is pinned is {pinned[1]}")
    sources = "".join(map(inspect.getsource, piece.theirs)).encode()
    digest = hashlib.sha256(sources).hexdigest()[:16]
    names = ", ".join(each.__qualname__ for each in piece.theirs)
    assert digest == piece.digest, (
        f"Textual {pinned[1]} has another {names}. Compare it with app.terminal.{piece.ours}, and "
        "measure anew what the docstring of that module says (tests/bench/bench_terminal.py): the "
        f"piece may have to change, or may go. Then write {digest!r} here."
    )
