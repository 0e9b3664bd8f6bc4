"""The overview stays on the head that was gone to, whatever comes meanwhile."""

from __future__ import annotations

from textual.app import App

from analysis.heads.request import HeadPairsRequest
from analysis.request import ModelChoice
from analysis.words.choice import Words, WordVectors
from app.views.heads.atlas import HeadAtlas
from app.views.heads.layer import HeadLayer
from app.views.heads.overview import HeadOverview
from tests.support.scripted_weights import HEADS, LAYERS, head_pairs


def layer(number: int) -> HeadLayer:
    base, tuned = (
        head_pairs(
            HeadPairsRequest(ModelChoice(name, name), number, Words("demo"), WordVectors("demo"))
        )
        for name in ("demo-base", "demo-tuned")
    )
    return HeadLayer(base, tuned)


async def test_layers_that_come_before_that_of_the_head_gone_to_do_not_lead_away() -> None:
    async with App[None]().run_test(size=(140, 30)) as pilot:
        overview = HeadOverview(lambda: None, ascii_only=False, id="overview")
        await pilot.app.mount(overview)
        overview.begin(LAYERS, HEADS)
        overview.go_to((1, 2))
        atlas = HeadAtlas(LAYERS, LAYERS)
        for number in (0, 2, 1):
            made = layer(number)
            atlas.add(made)
            overview.add(made, atlas)
            await pilot.pause()
            assert overview.place == (1, 2)
        assert overview.ranking.place == (1, 2)


async def test_until_the_user_moves_it_is_on_the_head_that_changed_most() -> None:
    async with App[None]().run_test(size=(140, 30)) as pilot:
        overview = HeadOverview(lambda: None, ascii_only=False, id="overview")
        await pilot.app.mount(overview)
        overview.begin(LAYERS, HEADS)
        atlas = HeadAtlas(LAYERS, LAYERS)
        for number in (1, 0):
            made = layer(number)
            atlas.add(made)
            overview.add(made, atlas)
            await pilot.pause()
            assert overview.place == overview.ranking.place == atlas.ranked[0].place
