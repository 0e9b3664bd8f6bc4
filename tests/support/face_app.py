"""A tiny program around one face: `python -m tests.support.face_app grid 600 300`."""

from __future__ import annotations

import sys

import numpy as np
from rich.color import ColorSystem
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from app.terminal.screen import FrugalScreen
from app.widgets.token_face import TokenFace, TokenMap
from app.widgets.token_grid import TokenGrid
from app.widgets.token_overview import TokenOverview
from app.widgets.token_text import TokenText

FACES: dict[str, type[TokenFace]]
FACES = {"grid": TokenGrid, "text": TokenText, "overview": TokenOverview}

WORDS = (" the", " word", "Analyze", ",", "\n", " choice", " in", " this", " email", "'s", " Jen")


def sample_map(rows: int, columns: int, *, seed: int = 0) -> TokenMap:
    """A map as sparse as real ones, with English-like tokens."""
    random = np.random.default_rng(seed)
    levels = np.floor(11 * random.random((rows, columns)) ** 4).astype(np.uint8)
    return TokenMap(
        [WORDS[i % len(WORDS)] for i in range(rows)],
        [WORDS[(3 * i) % len(WORDS)] for i in range(columns)],
        levels,
        density=random.random(rows),
        marked=np.arange(rows) % 10 < 4,
    )


class FaceApp(App[None]):
    """One face on the whole screen; `moves` is what it said about its cursor."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "one face"

    def __init__(self, face: TokenFace, *, colours: ColorSystem | None = None) -> None:
        super().__init__()
        if colours is not None:
            self.console._color_system = colours
        self.face = face
        self.moves: list[tuple[int, int]] = []

    def get_default_screen(self) -> FrugalScreen:
        """The screen the real program has."""
        return FrugalScreen(id="_default")

    def compose(self) -> ComposeResult:
        """The face and nothing else."""
        yield self.face

    def on_token_face_cursor_moved(self, event: TokenFace.CursorMoved) -> None:
        """Remember what was said."""
        self.moves.append((event.row, event.column))


async def type_keys(pilot: Pilot[None], *keys: str) -> None:
    """Type without the pauses between keys that `Pilot.press` makes."""
    for key in keys:
        pilot.app.simulate_key(key)
    await pilot.pause()


def screen_lines(app: App[None]) -> list[list[Segment]]:
    """The screen as it is kept for repainting: a line repainted too rarely would be old here."""
    strips = app.screen._compositor.render_strips()
    return [list(Segment.simplify(strip)) for strip in strips]


def screen_text(app: App[None]) -> list[str]:
    """The lines of the screen as text."""
    return ["".join(segment.text for segment in line) for line in screen_lines(app)]


if __name__ == "__main__":
    kind, rows, columns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    FaceApp(FACES[kind](sample_map(rows, columns))).run(mouse=False)
