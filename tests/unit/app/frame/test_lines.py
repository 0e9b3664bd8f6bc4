"""The lines around the views stay in place whatever the engine does, and say where they are cut."""

from __future__ import annotations

import pytest
from textual.app import App
from textual.geometry import Size

from analysis.events import EngineStatus
from analysis.request import ModelChoice
from analysis.words.choice import Words, WordVectors
from app.frame.lines import header
from app.frame.registry import VIEWS
from app.widgets.lines import Lines, width_of
from app.workspace import PairWorkspace

PAIR = PairWorkspace(
    lambda *_: pytest.fail("opens no session"),
    ModelChoice("demo-base", "base"),
    ModelChoice("demo-tuned", "tuned"),
    Words("demo"),
    WordVectors("demo"),
)


@pytest.mark.parametrize("width", [80, 100, 140, 200])
def test_tabs_stay_where_they_are_whatever_the_engine_does(width: int) -> None:
    tabs = {
        tuple(header(PAIR, status, VIEWS, "heads", Size(width, 50), typing=False, doing=doing)[1])
        for status in (EngineStatus("off"), EngineStatus("idle"), EngineStatus("busy"))
        for doing in ("", "Clusters: demo-base: gathering hidden states · 512 of 8,060 · 62 s left")
    }
    (shown,) = tabs
    assert width_of(shown) < width
    assert any("Clusters" in text for text, _ in shown) == (width == 200)


@pytest.mark.parametrize(
    ("width", "shown"),
    [(24, "demo-base: gathering 1 2"), (23, "demo-base: gatheri… 1 2"), (4, " 1 2")],
)
async def test_a_line_that_does_not_fit_ends_in_an_ellipsis(width: int, shown: str) -> None:
    async with App[None]().run_test(size=(width, 3)) as pilot:
        line = Lines()
        await pilot.app.mount(line)
        line.show([("demo-base: ", "strong"), ("gathering", "")], right=[(" 1 2", "dim")])
        await pilot.pause()
        assert line.render_line(0).text == shown
        line.show([("語" * width, "")])
        wide = line.render_line(0)
        assert (wide.cell_length, wide.text[-1]) == (width, "…")
