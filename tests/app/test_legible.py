"""All text can be read on its ground, in every theme: each cell that the views and panels draw."""

from __future__ import annotations

from collections import Counter

from app.terminal.legibility import READABLE, contrast
from tests.app.pair_app import pair_at, until_loaded, until_shown
from tests.app.test_clusters_view import script

# Lines, blocks and dots are drawn, not read.
DRAWN = {*range(0x2500, 0x25A0), *range(0x2800, 0x2900)}
SCREENS = (
    ("Prompt", ("j",), "Sentences"),
    ("search", ("f2", "slash"), "f1 help"),
    ("map", ("escape", "d"), "instruction score"),
    ("answers", ("t",), "heaviest words"),
    ("one token of the answers", ("l",), "w whole"),
    ("Heads", ("3",), "all 8 layers are there"),
    ("Concepts", ("4",), "all 8 layers are there"),
    ("Studies", ("5",), "not run"),
    ("Neurons", ("6",), "all 6 categories"),
    ("Clusters", ("7",), "layer 3 of 3"),
    ("Changes", ("8",), "all 9 parts are there"),
    ("palette", ("colon", "q"), "Quit"),
    ("help", ("escape", "question_mark"), "esc closes"),
)


def illegible(app) -> Counter[tuple[float, str]]:
    """Text on the screen with too little contrast, or dimmed by the terminal."""
    theme, found = app.ansi_theme, Counter()
    for strip in app.screen._compositor.render_strips():
        for text, style, _ in strip:
            if not all(character.isspace() or ord(character) in DRAWN for character in text):
                colour = style.color.get_truecolor(theme, foreground=True)
                ground = style.bgcolor.get_truecolor(theme, foreground=False)
                if (ratio := contrast(colour, ground)) < READABLE or style.dim:
                    found[round(ratio, 1), text.strip()] += 1
    return found


async def test_every_screen_and_every_theme(tmp_path, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    failures = {}
    async with pair_at(until_loaded, tmp_path, size=(120, 40), script=script) as (pair, pilot):
        app = pair.app
        assert app.console.color_system == "truecolor"
        await pilot.press("enter")
        await until_shown(pilot, "instruction score", "different answers")
        await pilot.press("1")
        app.say("A message.", severity="warning")
        themes = sorted(app.available_themes)
        # What makes text legible knows neither screens nor themes: each is tried with a few others.
        for number, (name, keys, there) in enumerate(SCREENS):
            await pilot.press(*keys)
            await until_shown(pilot, there)
            for theme in themes[number % 7 :: 7]:
                app.theme = theme
                await pilot.pause()
                if bad := illegible(app):
                    failures[name, theme] = bad.most_common(3)
    assert not failures
