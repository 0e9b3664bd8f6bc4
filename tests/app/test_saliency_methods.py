"""The Saliency view's methods, driven by keys: two gradients, occlusion, where they differ."""

from __future__ import annotations

import re

import msgspec
import numpy as np

from analysis.events import Finished
from analysis.problems import problem
from analysis.saliency.agreement import Agreement
from analysis.saliency.map import SaliencyMap
from analysis.saliency.request import AttributionRequest
from app.views.saliency.view import SaliencyView
from tests.app.pair_app import (
    PairApp,
    copied,
    csv_rows,
    faces,
    library_app,
    pair_at,
    screen,
    shown_pair,
    until,
    until_shown,
)
from tests.support.scripted_session import answer, attribution

WIDE, NARROW = (160, 40), (80, 24)


def asked(pair):
    """The attributions that were asked for."""
    return [each for each in pair.session.requests if isinstance(each, AttributionRequest)]


def maps(pair, *methods):
    """The base model's maps by these methods; by gradient and by occlusion if none are named."""
    by_method = {each.method: each for each in asked(pair) if each.model.name == "demo-base"}
    return [
        SaliencyMap.from_attribution(attribution(by_method[method]))
        for method in methods or ("auto", "occlusion")
    ]


async def test_m_explains_the_same_responses_by_other_methods_and_shows_a_difference(tmp_path):
    async with pair_at(shown_pair, tmp_path, size=WIDE) as (pair, pilot):
        shown = screen(pair.app)
        assert "─ ○ demo-base · gradient (reverse) ─" in shown
        assert "gradient/occlusion" not in shown
        await pilot.press("j", "l", "m")
        await until_shown(pilot, "─ ○ demo-base · frozen norms (reverse) ─", "demo-tuned · frozen")
        base = faces(pair.app)[0]
        (frozen,) = maps(pair, "frozen_norms")
        assert (base.map.levels == frozen.scores[1:]).all()
        assert "/occlusion" not in screen(pair.app)
        await pilot.press("m")
        await until_shown(pilot, "demo-base · occlusion ─", "demo-tuned · occlusion ─", "all r")
        requests = asked(pair)
        methods = ["auto", "auto", "frozen_norms", "frozen_norms", "occlusion", "occlusion"]
        assert [each.method for each in requests] == methods
        for first, second in zip(requests[1::-1] * 2, requests[2:], strict=True):
            assert second.response_ids == attribution(first).response_tokens.ids
            assert second == msgspec.structs.replace(
                first, method=second.method, response_ids=second.response_ids
            )
        gradient, occlusion = maps(pair)
        assert base.cursor == (1, 1)
        assert (base.map.levels == occlusion.scores[1:]).all()
        assert f"I {occlusion.importance[2, 1]:+.4g}  S {occlusion.scores[2, 1]}" in screen(
            pair.app
        )

        await pilot.press("m")
        await until_shown(pilot, "─ ○ demo-base · difference ─", "─ ● demo-tuned · difference ─")
        difference = gradient.scores[1:].astype(int) - occlusion.scores[1:]
        assert (base.map.levels == np.abs(difference)).all()
        assert (base.map.negative == (difference < 0)).all()
        value = difference[1, 1]
        said = f"difference {value:+}" if value else "no difference"
        assert f"{said}  gradient {gradient.scores[2, 1]}" in screen(pair.app)

        await pilot.press("m")
        await until_shown(pilot, "─ ○ demo-base · gradient (reverse) ─")
        assert (base.map.levels == gradient.scores[1:]).all()
        assert base.cursor == (1, 1)
        await pilot.press("m", "m", "m", "m")
        await until_shown(pilot, "─ ○ demo-base · gradient (reverse) ─")
        assert len(asked(pair)) == 6


async def test_the_agreement_follows_the_cursor(tmp_path):
    async with pair_at(shown_pair, tmp_path, size=NARROW) as (pair, pilot):
        await pilot.press("m", "m")
        await until_shown(pilot, "gradient/occlusion", "all r")
        agreement = Agreement(*maps(pair))
        r, rho = agreement.overall
        for column in range(3):
            here = f"column r {agreement.pearson(column):.2f} ρ {agreement.spearman(column):.2f}"
            await until_shown(pilot, f"○ demo-ba… {here}  all r {r:.2f} ρ {rho:.2f}")
            await pilot.press("l")
        await pilot.press("s")
        await until_shown(pilot, "gradient/occlusion  ● demo-tu… column r")
        await pilot.press("m", "m", "m", "s")
        r, rho = Agreement(*maps(pair, "frozen_norms", "occlusion")).overall
        await until_shown(pilot, "frozen norms/occlusion  ○ demo-", f"all r {r:.2f} ρ {rho:.2f}")


async def test_the_agreement_is_worked_out_once_and_a_new_prompt_begins_anew(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(
        "app.views.saliency.side.Agreement", lambda *maps: made.append(maps) or Agreement(*maps)
    )
    async with pair_at(shown_pair, tmp_path, size=WIDE) as (pair, pilot):
        await pilot.press("m", "m")
        await until(pilot, lambda: screen(pair.app).count("all r") == 2)
        await pilot.press("j", "l", "m", "m", "m", "m", "k")
        await until_shown(pilot, "· occlusion")
        assert len(made) == 4
        for method in ("difference", "gradient", "frozen norms", "occlusion"):
            await pilot.press("m")
            await until(pilot, lambda: screen(pair.app).count("all r") == 2)
            assert f"\n{method}\n○ demo-base" in await copied(pilot, "y")
        await pilot.press("1", "escape", "j", "enter")
        shown = await until_shown(pilot, "demo-tuned · gradient (reverse)", "opposite")
        assert "gradient/occlusion" not in shown
        assert len(asked(pair)) == 8
        assert len(made) == 4


async def test_rows_that_arrive_are_provisional_and_escape_gives_the_gradient_back(tmp_path):
    def script(request):
        for count, event in enumerate(answer(request)):
            if getattr(request, "method", "") == "occlusion" and count == 5 and not held:
                held.append(request)
                pair.session.gate.clear()
            yield event

    held = []
    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=WIDE) as pilot:
        await shown_pair(pilot)
        await pilot.press("m", "m")
        shown = await until_shown(pilot, "demo-base · occlusion · computing, provisional")
        assert "demo-base, occlusion: attributing · 2 of 11 prompt tokens" in shown
        assert "demo-tuned · occlusion · computing ─" in shown
        base = faces(pair.app)[0]
        # The first row is hidden.
        assert base.map.missing.tolist() == [[False] * 16] + [[True] * 16] * 9
        assert re.search("^ ○ demo-base .*provisional", shown, re.MULTILINE)
        assert "gradient/occlusion" not in shown
        await pilot.press("m")
        await until_shown(pilot, "demo-base · difference · computing, provisional")
        await pilot.press("escape")
        shown = await until_shown(pilot, "demo-base · gradient (reverse) ─", "different answers")
        assert "esc stops" not in shown
        assert pair.app.view.id == "saliency"
        pair.session.gate.set()
        await pilot.press("m", "m")
        await until(pilot, lambda: screen(pair.app).count("all r") == 2)


async def test_a_failed_occlusion_is_said_and_loses_nothing(tmp_path):
    broken = [True]

    def script(request):
        if getattr(request, "method", "") == "occlusion" and broken[0]:
            raise problem("memory", "It did not fit.", "It was too large.", "Take less.")
        yield from answer(request)

    async with pair_at(shown_pair, tmp_path, size=WIDE, script=script) as (pair, pilot):
        before = screen(pair.app)
        await pilot.press("m", "m")
        await until(pilot, lambda: screen(pair.app).count("It did not fit.") == 2)
        assert "demo-base · occlusion · failed" in screen(pair.app)
        await pilot.press("m", "j", "e", "m")
        await until_shown(pilot, "demo-base · gradient (reverse)", "different answers")
        assert "It did not fit. It was too large. Take less. r runs it again." in screen(pair.app)
        assert len(asked(pair)) == 6
        assert before.splitlines()[1] in screen(pair.app)
        broken[0] = False
        await pilot.press("r")
        await until(pilot, lambda: screen(pair.app).count("all r") == 2)
        assert len(asked(pair)) == 8


async def test_a_model_that_is_still_computed_is_occluded_once_it_is_there(tmp_path):
    def script(request):
        base = request.model.name == "demo-base" and isinstance(request, AttributionRequest)
        for count, event in enumerate(answer(request)):
            if base and request.method == "auto" and count == 2 and not opened:
                pair.session.gate.clear()
            yield event

    opened = []
    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=WIDE) as pilot:
        await until_shown(pilot, "Capital of a country")
        await pilot.press("enter")
        await until_shown(pilot, "demo-tuned · gradient (reverse)", "gradient · computing")
        await pilot.press("m", "m")
        await until_shown(pilot, "demo-tuned · occlusion · computing")
        opened.append(True)
        pair.session.gate.set()
        await until(pilot, lambda: screen(pair.app).count("all r") == 2)
        order = [(each.model.name, each.method) for each in asked(pair)]
        # What was passed over while the base model had no response is not asked for.
        assert order[2:] == [
            ("demo-tuned", "frozen_norms"),
            ("demo-tuned", "occlusion"),
            ("demo-base", "occlusion"),
        ]


async def test_what_was_special_about_the_computation_is_said(tmp_path):
    def script(request):
        for event in answer(request):
            if isinstance(event, Finished) and isinstance(request, AttributionRequest):
                note = "It ran\x1b[31m in halves." if request.model.name == "demo-tuned" else ""
                event = Finished(
                    msgspec.structs.replace(
                        event.result, method="forward", passes_dtype="bfloat16", note=note
                    )
                )
            yield event

    async with pair_at(shown_pair, tmp_path, size=WIDE, script=script) as (_, pilot):
        shown = await until_shown(pilot, "demo-base · gradient (forward, bfloat16) ─")
        assert "demo-tuned: It ran" in shown
        assert "\x1b" not in shown


async def test_the_export_is_of_what_is_shown(tmp_path):
    async with pair_at(shown_pair, tmp_path, size=WIDE) as (pair, pilot):
        for name in ("frozen-norms", "occlusion", "difference"):
            await pilot.press("m")
            await until_shown(pilot, f"demo-tuned · {name.replace('-', ' ')}", "instruction score")
            await until(
                pilot,
                lambda name=name: (
                    screen(pair.app).count("all r") == 2 * (name != "frozen-norms")
                    and "computing" not in screen(pair.app)
                ),
            )
            await pilot.press("e")
            await until(pilot, lambda name=name: bool(list(tmp_path.glob(f"{name}*.csv"))))
        await pair.app.workers.wait_for_complete()
    gradient, occlusion = maps(pair)
    (path,) = tmp_path.glob("occlusion*.csv")
    row = csv_rows(path)[0]
    assert np.float32(row["importance"]) == occlusion.importance[1, 0]
    (path,) = tmp_path.glob("difference-demo*.csv")
    rows = csv_rows(path)
    own = [row for row in rows if row["model"] == "demo-base"]
    agreement = Agreement(gradient, occlusion)
    assert [float(row["pearson"]) for row in own[:-1]] == [agreement.pearson(m) for m in range(16)]
    assert float(own[-1]["spearman"]) == agreement.overall[1]
    assert {row["model"] for row in rows} == {"demo-base", "demo-tuned"}


async def test_stored_cases_have_one_method(tmp_path):
    with library_app(tmp_path) as app:
        async with app.run_test(size=WIDE) as pilot:
            await until_shown(pilot, "2 of 2 cases")
            await pilot.press("enter")
            await until_shown(pilot, "instruction score")
            await pilot.pause(0.2)
            before = screen(app)
            assert "method" not in before
            assert "gradient" not in before
            await pilot.press("m")
            await pilot.pause(0.2)
            assert screen(app) == before
            assert isinstance(app.view, SaliencyView)
