"""Whatever a token holds, the terminal sees printable text that stays in its cells."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from rich.cells import cell_len
from textual.binding import Binding, BindingType

from app.widgets.token_face import TokenMap
from tests.support.face_app import FACES, FaceApp, screen_lines, type_keys
from tests.support.terminal import Terminal

ROOT = Path(__file__).parents[2]
HOSTILE = [
    *("\x1b[2J\x1b[H", "\x1b]52;c;aGk=\x07", "\x1b]0;title\x1b\\", "\x9b31m", "\x90q#0\x9c"),
    *("\r\n\x08\x08", "[red]bold[/red]", "[@click=app.quit]x[/]", "\u202egnp.exe", "\u2066\u2069"),
    *("👩\u200d👩\u200d👧", "❤\ufe0f", "🇫🇷", "👍🏽", "日本語の長い字句です", "\u0301\u0301"),
    *("a\u200bb\u00adc", "\ud83d", "\ue0b0", "\x00", ""),
]


def hostile_map() -> TokenMap:
    size = len(HOSTILE)
    levels = (np.arange(size * size) % 11).astype(np.uint8).reshape(size, size)
    return TokenMap(HOSTILE, HOSTILE[::-1], levels, density=np.linspace(0, 1, size))


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("kind", FACES)
async def test_every_line_is_printable_and_as_wide_as_the_screen(kind, ascii_only) -> None:
    app = FaceApp(FACES[kind](hostile_map(), ascii_only=ascii_only))
    async with app.run_test(size=(70, 24)) as pilot:
        for keys in (["down"] * 9, ["right"] * 9, ["end", "pagedown"]):
            await type_keys(pilot, *keys)
            for line in screen_lines(app):
                text = "".join(segment.text for segment in line)
                assert text.isprintable()
                assert cell_len(text) == 70
                assert not any("@click" in segment.style.meta for segment in line if segment.style)


def drawn(terminal: Terminal) -> None:
    """Wait until all that was typed is on the screen, and nothing more comes."""
    bells = terminal.output.count(b"\x07")
    terminal.write("z")
    terminal.wait_until(lambda: terminal.output.count(b"\x07") > bells)
    terminal.read_until_quiet(0.3)


class RingingApp(FaceApp):
    """Rings the bell at a key, once all that was typed before it is on the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("z", "ring")]

    def action_ring(self) -> None:
        """Ring after the next repaint."""
        self.call_after_refresh(self.bell)


@pytest.mark.parametrize("kind", FACES)
def test_no_token_sends_a_sequence_and_partial_repaints_equal_full_ones(kind) -> None:
    program = [sys.executable, "-m", __name__, kind]
    with Terminal(program, columns=100, lines=30, folder=ROOT) as terminal:
        terminal.wait_until(lambda: len(terminal.output) > 3000)
        drawn(terminal)
        for key in [*"BCBFHC", "6~", "A", *"BBBBBCCCCC"]:
            terminal.write(f"\x1b[{key}")
            terminal.read_until_quiet(0.08)
        drawn(terminal)
        output, after_keys = bytes(terminal.output), terminal.screen()
        for columns in (101, 100):
            at = len(terminal.output)
            terminal.resize(columns, 30)
            terminal.wait_until(lambda at=at: len(terminal.output) > at + 1000)
            drawn(terminal)
        assert terminal.screen(since=at) == after_keys
    sent = b"\x1b[2J \x1b]52; \x1b]0;title \xc2\x9b \xc2\x90 \x9b31m \x08"
    for sequence in sent.split(b" "):
        assert sequence not in output
    for mark in "\u202e\u2066\u200d\ufe0f\u200b\u00ad\x00":
        assert mark.encode() not in output
    if kind != "overview":
        assert any("␛[2J" in line for line in after_keys)


if __name__ == "__main__":
    RingingApp(FACES[sys.argv[1]](hostile_map())).run(mouse=False)
