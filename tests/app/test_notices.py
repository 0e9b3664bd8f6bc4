"""Messages lie over what somebody reads: they go when somebody goes on typing."""

from __future__ import annotations

from tests.app.pair_app import pair_at, screen, until, until_loaded, until_shown


async def test_a_key_puts_a_message_away_once_it_could_be_read(tmp_path, monkeypatch):
    async with pair_at(until_loaded, tmp_path) as (pair, pilot):
        monkeypatch.setattr("app.main._READ_S", {"information": 3600.0, "error": 0.0})
        pair.app.say("Written to a file")
        await until_shown(pilot, "Written to a file")
        await pilot.press("j")
        await pilot.pause()
        assert "Written to a file" in screen(pair.app)
        pair.app.clear_notifications()
        pair.app._said_until = 0.0
        pair.app.say("Nothing was written", severity="error")
        await until_shown(pilot, "Nothing was written")
        await pilot.press("question_mark")
        await until_shown(pilot, "esc closes")
        await until(pilot, lambda: "Nothing was written" not in screen(pair.app))
