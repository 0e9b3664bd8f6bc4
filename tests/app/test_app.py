"""The app around the views: header, keys, palette, help, themes, small terminals, quitting."""

from __future__ import annotations

import pytest

from app.config import Settings
from app.frame.actions import ACTIONS, actions_of
from app.state import load_state
from app.widgets.help_panel import HelpPanel
from tests.app.pair_app import (
    pair_at,
    screen,
    started,
    until,
    until_loaded,
    until_quiet,
    until_shown,
)


@pytest.mark.parametrize(
    ("size", "tabs"),
    [
        ((80, 24), "1 Prompt  F2 3 4 5 6 7 8 9"),
        (
            (200, 50),
            "1 Prompt  F2 Saliency  F3 Heads  F4 Concepts  F5 Studies  F6 Neurons  F7 Clusters"
            "  F8 Changes  F9 Divergence",
        ),
    ],
)
async def test_header_and_keys_fit(tmp_path, size, tabs):
    async with pair_at(until_shown, tmp_path, "engine ready", size=size) as (pair, _):
        shown = screen(pair.app)
        first, last = shown.splitlines()[0], shown.splitlines()[-1]
        assert "○ demo-base ● demo-tuned" in first
        assert first.endswith(tabs)
        assert "f1 help  ctrl-c quit" in last
        assert len(shown.splitlines()) == size[1]


async def test_the_key_line_shows_the_keys_that_work_where_the_focus_is(tmp_path):
    async with pair_at(until_shown, tmp_path, "ctrl-c quit") as (pair, pilot):
        # While something is at work, a key leads to it.
        await until(pilot, lambda: pair.app.status.state == "idle")
        keys = (await until_shown(pilot, "ctrl-l empty")).splitlines()[-1]
        assert keys.split() == [
            *["enter", "run", "ctrl-n", "new", "line", "esc", "plain", "keys", "ctrl-l", "empty"],
            *["f1", "help", "ctrl-c", "quit"],
        ]
        await pilot.press("escape")
        keys = (await until_shown(pilot, "q quit")).splitlines()[-1]
        for key in ("/ write", "? help"):
            assert key in keys
        await pilot.press("enter")
        keys = (await until_shown(pilot, "different answers")).splitlines()[-1]
        for key in ("t answers", "v map", "s swap", "/ find", "m method", "q quit"):
            assert key in keys


@pytest.mark.parametrize(("key", "words"), [("f1", "Type or paste"), ("f2", "S[n, m] = ceil")])
async def test_every_view_has_a_help_panel_with_its_keys(tmp_path, key, words):
    async with pair_at(started, tmp_path, size=(120, 100)) as (pair, pilot):
        await pilot.press(*dict.fromkeys([key, "f1"]))
        shown = await until_shown(pilot, words)
        view = pair.app.screen_stack[0].query_one("#views").current
        for action in actions_of(view):
            if action.keys and pair.app.view.offers(action):
                assert action.id in shown
        await pilot.press("escape")
        assert not isinstance(pair.app.screen, HelpPanel)


async def test_the_palette_runs_the_actions_of_the_view(tmp_path):
    async with pair_at(started, tmp_path, size=(120, 40)) as (_, pilot):
        await pilot.press("ctrl+p")
        await pilot.pause(0.2)
        await pilot.press(*"run both")
        await until_shown(pilot, "Run both models on the prompt")
        await pilot.press("enter")
        await until_shown(pilot, "─ ○ demo-base · gradient", "─ ● demo-tuned · gradient")


async def test_keys_can_be_rebound(tmp_path):
    settings = Settings(keys={"saliency.swap": "w", "app.help": "f9"})
    async with pair_at(started, tmp_path, settings=settings) as (pair, pilot):
        await until_shown(pilot, "f9 help")
        await pilot.press("enter")
        await until_shown(pilot, "different answers", "─ ○ demo-base")
        await pilot.press("s")
        await pilot.pause()
        assert "─ ○ demo-base" in screen(pair.app)
        await pilot.press("w")
        await until_shown(pilot, "─ ● demo-tuned")


async def test_themes_are_listed_chosen_and_remembered(tmp_path):
    async with pair_at(started, tmp_path) as (pair, pilot):
        pair.app.action_change_theme()
        await until_shown(pilot, "Search for themes", "gruvbox")
        await pilot.press(*"nord")
        await until(pilot, lambda: "gruvbox" not in screen(pair.app))
        await pilot.press("enter")
        await until(pilot, lambda: pair.app.theme == "nord")
        await pilot.press("ctrl+c")
        await pilot.pause()
    assert load_state(tmp_path / "state.json").theme == "nord"
    async with pair_at(started, tmp_path) as (again, _):
        assert again.app.theme == "nord"
    settings = Settings(theme="textual-light")
    async with pair_at(started, tmp_path, settings=settings) as (configured, _):
        assert configured.app.theme == "textual-light"


async def test_a_small_terminal_is_told_and_recovers(tmp_path):
    async with pair_at(until_shown, tmp_path, "50×10.", size=(50, 10)) as (pair, pilot):
        assert "insttui needs a terminal of 80×24" in screen(pair.app)
        await pilot.resize_terminal(80, 24)
        await until_shown(pilot, "Examples")
        assert "needs a terminal" not in screen(pair.app)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_quitting_does_not_wait_for_the_engine(tmp_path, key):
    async with pair_at(until_loaded, tmp_path) as (pair, pilot):
        pair.session.gate.clear()
        await pilot.press("enter")
        await until_shown(pilot, "computing")
        await pilot.press(key)
        await until(pilot, lambda: not pair.app.is_running or pair.session.closed)
    assert pair.session.closed


async def test_ctrl_c_quits_from_the_entry_too(tmp_path):
    async with pair_at(until_shown, tmp_path, "engine ready") as (pair, pilot):
        await pilot.press(*"unsent draft", "ctrl+c")
        await pilot.pause()
    assert pair.session.closed
    assert load_state(tmp_path / "state.json").draft.text == "unsent draft"


async def test_the_engine_may_change_while_a_panel_is_open(tmp_path):
    async with pair_at(until_shown, tmp_path, "engine ready") as (_, pilot):
        await pilot.press("enter", "f1")
        await until_shown(pilot, "esc closes")
        await pilot.resize_terminal(100, 30)
        await pilot.press("r", "escape")
        await until_shown(pilot, "different answers", "engine ready")


async def test_the_screen_is_saved_as_a_picture(tmp_path):
    async with pair_at(started, tmp_path) as (pair, pilot):
        pair.app.perform(ACTIONS["app.screenshot"])
        await until_shown(pilot, "Saved")
    (path,) = tmp_path.glob("*.svg")
    assert "Capital&#160;of&#160;a&#160;country" in path.read_text()


async def test_a_paste_into_the_palette_cannot_reach_the_terminal(tmp_path):
    from textual.events import Paste

    async with pair_at(started, tmp_path) as (pair, pilot):
        await pilot.press("ctrl+p")
        await pilot.pause(0.2)
        pair.app.post_message(Paste("\x1b[31mred\x07‮"))
        await pilot.pause(0.2)
        assert not set(screen(pair.app)) & set("\x1b\x07‮")


async def test_model_names_are_shown_as_they_are(tmp_path):
    async with pair_at(
        started,
        tmp_path,
        size=(160, 30),
        names=("[b]base[/b]\x1b[2J", "tuned\n[@click=app.quit]x[/]‮"),
    ) as (_, pilot):
        await until_shown(pilot, "[b]base[/b]␛[2J ● tuned↵[@click=app.quit]x[/]⟨202E⟩")
        await pilot.press("enter")
        shown = await until_shown(pilot, "─ ○ [b]base[/b]␛[2J ", "─ ● tuned↵[@click=app.quit]x[/]")
        assert "‮" not in shown


async def test_nothing_is_sent_to_the_terminal_while_nothing_changes(tmp_path):
    async with pair_at(started, tmp_path, size=(120, 30)) as (pair, pilot):
        await pilot.press("enter")
        await until_shown(pilot, "different answers")
        await pilot.pause(0.3)
        drawn = []
        display = pair.app._display
        pair.app._display = lambda *args: (drawn.append(args), display(*args))
        for key in ("", "1", "slash"):
            if key:
                await pilot.press(key)
            await until_quiet(pilot, drawn)
            await pilot.pause(1.1)
            assert drawn == []


async def test_a_key_puts_a_message_away_once_it_could_be_read(tmp_path, monkeypatch):
    async with pair_at(until_loaded, tmp_path) as (pair, pilot):
        monkeypatch.setattr("app.frame.messages._READ_S", {"information": 3600.0, "error": 0.0})
        pair.app.say("Written to a file")
        await until_shown(pilot, "Written to a file")
        await pilot.press("j")
        await pilot.pause()
        assert "Written to a file" in screen(pair.app)
        pair.app.clear_notifications()
        pair.app._messages._until = 0.0
        pair.app.say("Nothing was written", severity="error")
        await until_shown(pilot, "Nothing was written")
        await pilot.press("f1")
        await until_shown(pilot, "esc closes")
        await until(pilot, lambda: "Nothing was written" not in screen(pair.app))
