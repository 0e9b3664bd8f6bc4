"""Keys that come faster than they are answered: none is lost, none overtakes another."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key, Paste
from textual.widgets import Input

from app.terminal.key_by_key import KeyByKeyApp
from app.widgets.token_grid import TokenGrid
from tests.app.pair_app import PairApp, pair_at, started, until, until_shown
from tests.support.face_app import sample_map

NAMES = {"/": "slash", " ": "space", "\r": "enter", "\x1b": "escape", ":": "colon"}


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    # Only a machine with much else to do takes this long; there the tests hold as well.
    monkeypatch.setattr("app.terminal.key_by_key._PATIENCE_S", 60.0)


def type_at_once(app: App[None], *keys: str) -> None:
    """All keys in one burst, as a terminal hands them over that was not read for a while.

    Of one character they are text, longer ones are keys by name.
    """
    for key in keys:
        text = key if len(key) == 1 and key.isprintable() else None
        app.post_message(Key(NAMES.get(key, key), text))


async def test_what_is_typed_before_the_first_screen_is_kept(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running() as pilot:
        assert pair.session is None
        type_at_once(pair.app, *"Name a city. Only one.")
        await until_shown(pilot, "Name a city. Only one.")


async def test_the_letters_after_the_key_that_opens_the_search_are_searched(tmp_path):
    async with pair_at(started, tmp_path, size=(120, 40)) as (pair, pilot):
        await pilot.press("enter")
        await until_shown(pilot, "different answers")
        type_at_once(pair.app, *"/France\rn")
        await until_shown(pilot, "2 of 3 places")


async def test_a_prompt_typed_and_run_in_one_burst_is_run_whole(tmp_path):
    async with pair_at(started, tmp_path, size=(120, 40)) as (pair, pilot):
        type_at_once(pair.app, *"Name a city.", "ctrl+r", "v")
        await until_shown(pilot, "different answers")
        assert [prompt.text for prompt in pair.app.state.history] == ["Name a city."]
        assert pair.app.state.face == "overview"


async def test_words_typed_after_the_palette_was_asked_for_go_to_the_palette(tmp_path):
    async with pair_at(started, tmp_path, size=(120, 40)) as (pair, pilot):
        type_at_once(pair.app, "ctrl+p", *"run both")
        await until_shown(pilot, "Run both models on the prompt")
        await until(pilot, lambda: pair.app.screen.query_one(Input).value == "run both")


async def test_a_paste_keeps_its_place_between_keys(tmp_path):
    async with pair_at(started, tmp_path) as (pair, pilot):
        type_at_once(pair.app, *"ab")
        pair.app.post_message(Paste("PASTED"))
        type_at_once(pair.app, *"cd", "backspace", *"ef")
        await until_shown(pilot, "abPASTEDcef")


class GridApp(KeyByKeyApp):
    """A grid, every step of which is counted, and a key that hangs and one that is noted."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("x", "hang"), Binding("y", "note")]

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.steps: list[tuple[int, int]] = []
        self.noted = 0
        self.released = asyncio.Event()
        self.grid = TokenGrid(
            sample_map(rows, columns), follow=lambda moved: self.steps.append(moved.face.cursor)
        )

    def compose(self) -> ComposeResult:
        yield self.grid

    def on_mount(self) -> None:
        self.grid.focus()
        self.take_keys()

    def action_hang(self) -> None:
        self.grid.call_later(self.released.wait)

    def action_note(self) -> None:
        self.noted += 1


async def test_a_held_key_moves_as_far_as_single_presses_and_in_fewer_steps():
    app = GridApp(600, 300)
    async with app.run_test(size=(200, 50)) as pilot:
        await pilot.pause()
        type_at_once(app, *["down"] * 100, "right", "right", "down", *["up"] * 30)
        await until(pilot, lambda: app.grid.cursor == (71, 2))
        assert len(app.steps) < 20
        type_at_once(app, *["right"] * 400)
        await until(pilot, lambda: app.grid.cursor == (71, 299))


async def test_text_is_never_taken_for_a_held_key(tmp_path):
    async with pair_at(started, tmp_path) as (pair, pilot):
        type_at_once(pair.app, *"/jjjjkkkk", *["backspace"] * 3)
        await until_shown(pilot, "jjjjk")
        await pilot.pause()
        assert pair.app.base.query_one("#entry").text == "/jjjjk"


async def test_a_widget_that_hangs_does_not_keep_the_keys(monkeypatch):
    monkeypatch.setattr("app.terminal.key_by_key._PATIENCE_S", 0.1)
    app = GridApp(3, 3)
    async with app.run_test() as pilot:
        await pilot.pause()
        type_at_once(app, *"xyy")
        async with asyncio.timeout(240):
            while app.noted < 2:
                await asyncio.sleep(0.02)
        app.released.set()
