"""The Saliency view begins with the gradient that agrees better with deletion, and says so."""

from __future__ import annotations

import msgspec
import pytest

from analysis.events import Finished, Progress
from analysis.saliency.faithfulness import Faithfulness
from analysis.saliency.request import AttributionRequest
from app.views.saliency.pair import Pair
from tests.app.pair_app import PairApp, pair_at, screen, until, until_shown
from tests.support.scripted_session import answer, attribution

WIDE, NARROW = (200, 40), (80, 24)


@pytest.fixture(autouse=True)
def _settles(_the_plain_gradient_stays: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pair, "settles", True)


def agreeing(**pearson):
    """Answers whose maps agree so well with deletion, by model and method."""

    def script(request):
        if not isinstance(request, AttributionRequest):
            yield from answer(request)
            return
        yield Progress("attribute", 0, 1, "prompt tokens")
        name = f"{request.model.name.removeprefix('demo-')}_{request.method}"
        known = Faithfulness(10, 4, pearson[name], 0.5) if name in pearson else None
        yield Finished(msgspec.structs.replace(attribution(request), faithfulness=known))

    return script


async def test_frozen_norms_are_shown_where_they_agree_better_and_m_goes_on_from_there(tmp_path):
    script = agreeing(
        base_auto=0.12, base_frozen_norms=0.41, tuned_auto=0.3, tuned_frozen_norms=0.2
    )
    async with pair_at(shown_first, tmp_path, size=WIDE, script=script) as (_, pilot):
        await until_shown(pilot, "demo-base · frozen norms", "demo-tuned · frozen norms")
        await until_shown(
            pilot,
            "frozen norms/occlusion  ○ demo-base r ≈ 0.41 > gradient 0.12",
            "demo-tuned r ≈ 0.20 < gradient 0.30",
        )
        await pilot.press("m")
        await until_shown(pilot, "demo-base · occlusion", "all r")
        await pilot.press("m", "m")
        await until_shown(pilot, "demo-base · gradient")


async def shown_first(pilot):
    """The first example, asked."""
    await until_shown(pilot, "Capital of a country")
    await pilot.press("enter")


@pytest.mark.parametrize("frozen", [0.1, None])
async def test_the_plain_gradient_stays_where_it_agrees_better_or_nothing_is_known(
    frozen, tmp_path
):
    known = {} if frozen is None else {"base_frozen_norms": frozen, "tuned_frozen_norms": frozen}
    script = agreeing(base_auto=0.35, tuned_auto=0.3, **known)
    async with pair_at(shown_first, tmp_path, size=NARROW, script=script) as (pair, pilot):
        asked = pair.session.requests
        await until(pilot, lambda: [each.method for each in attributions(asked)][2:] == FROZEN)
        beside = "r ≈ 0.35 > frozen norms 0.10"
        words = beside if frozen else "r ≈ 0.35, ρ ≈ 0.50 (4 of 10 tokens)"
        await until_shown(pilot, "demo-base · gradient", words)


FROZEN = ["frozen_norms", "frozen_norms"]


def attributions(requests):
    return [each for each in requests if isinstance(each, AttributionRequest)]


BETTER = agreeing(base_auto=0.1, base_frozen_norms=0.4, tuned_auto=0.1, tuned_frozen_norms=0.4)


def held_at_frozen_norms(folder):
    """An app whose session stops at frozen norms while the first entry of a list is true."""
    holding = [True]

    def held(request):
        frozen = isinstance(request, AttributionRequest) and request.method == "frozen_norms"
        if frozen and holding[0]:
            pair.session.gate.clear()
        yield from BETTER(request)

    pair = PairApp(folder, script=held)
    return pair, holding


async def test_the_maps_do_not_change_under_the_eyes_of_who_reads_them(tmp_path):
    pair, holding = held_at_frozen_norms(tmp_path)
    async with pair.running(size=WIDE) as pilot:
        await shown_first(pilot)
        await until_shown(pilot, "demo-base · gradient", "demo-base r ≈ 0.10, ρ ≈ 0.50")
        await pilot.press("down")
        holding[0] = False
        pair.session.gate.set()
        # What would have been shown is said instead.
        await until_shown(pilot, "demo-base · gradient (reverse)", "r ≈ 0.10 < frozen norms 0.40")
        await pilot.press("o")
        await until_shown(pilot, "demo-base · frozen norms", "demo-base's response")


async def test_what_the_user_chose_meanwhile_stays_and_a_stop_loses_nothing(tmp_path):
    pair, holding = held_at_frozen_norms(tmp_path)
    async with pair.running(size=WIDE) as pilot:
        await shown_first(pilot)
        await until_shown(pilot, "demo-base · gradient", "esc stops")
        await until(pilot, lambda: [e.method for e in attributions(pair.session.requests)][2:])
        await pilot.press("escape")
        shown = await until_shown(pilot, "demo-tuned · gradient (reverse)")
        await until(pilot, lambda: "esc stops" not in screen(pair.app))
        assert "0.10" in shown
        # Four times round all methods: the plain gradient is now the user's choice.
        holding[0] = False
        pair.session.gate.set()
        await pilot.press("m", "m", "m", "m", "r")
        await until_shown(pilot, "all r", "demo-base · gradient (reverse)")
        methods = [each.method for each in attributions(pair.session.requests)]
        assert methods.count("frozen_norms") == 4
        await until(pilot, lambda: "esc stops" not in screen(pair.app))
        assert "demo-base · gradient (reverse)" in screen(pair.app)
