"""The Saliency view, driven by keys."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from analysis.events import Failed, Finished, Notice, Partial
from analysis.models.tokens import Tokens
from analysis.problems import Problem, problem
from analysis.saliency.map import SaliencyMap
from analysis.saliency.request import AttributionRequest
from app.views.saliency.pane import SaliencyPane
from app.views.saliency.view import SaliencyView
from tests.app.pair_app import (
    EXAMPLES,
    copied,
    csv_rows,
    faces,
    pair_at,
    screen,
    shown_pair,
    started,
    until,
    until_loaded,
    until_shown,
)
from tests.support.scripted_session import answer, attribution

WIDE, NARROW = (160, 40), (80, 24)


async def test_cursor_values_special_tokens_and_marks_are_those_of_both_models(tmp_path):
    async with pair_at(shown_pair, tmp_path, size=WIDE) as (pair, pilot):
        await pilot.press("j", "j", "j", "l", "l")
        await pilot.pause()
        base, tuned = faces(pair.app)
        assert base.cursor == (3, 2)
        assert tuned.cursor == (3, 0)
        shown = screen(pair.app)
        assert '"·capital" → "·of" (3rd)' in shown
        assert '"·capital" → "·Paris" (1st)' in shown
        await pilot.press("k", "k", "h")
        await pilot.pause()
        asked = [r for r in pair.session.requests if isinstance(r, AttributionRequest)]
        result = attribution(next(each for each in asked if each.model.name == "demo-base"))
        shown_map = SaliencyMap.from_attribution(result)
        # Row 1 is token 2: the BOS token is hidden.
        importance = float(result.importance[2, 1])
        expected = f"I {importance:+.4g}  S {shown_map.scores[2, 1]}"
        assert expected in screen(pair.app)
        assert f"density {shown_map.density[2]:.2f}" in screen(pair.app)
        assert "<s>" not in screen(pair.app)
        await pilot.press("x")
        await until_shown(pilot, "<s>")
        await pilot.press("x")
        await until(pilot, lambda: "<s>" not in screen(pair.app))
        before = screen(pair.app)
        await pilot.press("i")
        await until(pilot, lambda: "0 instruction tokens" in screen(pair.app))
        # Nothing is marked: there is no score, which is not the same as a score of 0.
        assert "demo-base –" in screen(pair.app)
        assert "demo-tuned –" in screen(pair.app)
        assert "demo-base –" not in before
        await pilot.press("1")
        await until_shown(pilot, "Sentences")
        assert "▌ What" not in screen(pair.app)


async def test_rows_stay_aligned_under_a_chat_template(tmp_path):
    async with pair_at(started, tmp_path, size=WIDE) as (pair, pilot):
        await pilot.press("ctrl+t")
        await shown_pair(pilot)
        base, tuned = faces(pair.app)
        assert list(base.map.row_labels) == list(tuned.map.row_labels)
        await pilot.press("x")
        await until_shown(pilot, "<|user|>")
        base, tuned = faces(pair.app)
        assert len(base.map.row_labels) == len(tuned.map.row_labels)
        row = list(base.map.row_labels).index("What")
        assert tuned.map.row_labels[row] == "What"


async def test_models_that_cut_differently_are_aligned_by_characters_and_it_is_said(tmp_path):
    def script(request):
        for event in answer(request):
            if isinstance(event, Finished) and isinstance(request, AttributionRequest):
                tuned = request.model.name == "demo-tuned"
                event = Finished(letters(request)) if tuned else event
            yield event

    def letters(request):
        whole = attribution(request)
        text = request.prompt
        tokens = Tokens(
            ids=tuple(range(len(text))),
            texts=tuple(text),
            spans=tuple((n, n + 1) for n in range(len(text))),
        )
        importance = whole.importance[:1].repeat(len(text), axis=0)
        return msgspec.structs.replace(whole, prompt_tokens=tokens, importance=importance)

    async with pair_at(shown_pair, tmp_path, size=WIDE, script=script) as (_, pilot):
        await until_shown(pilot, "rows are aligned by characters")
        await pilot.press("j")
        await until_shown(pilot, "no such token here", '"h" →')


async def test_maps_are_not_redrawn_while_another_view_is_shown(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(SaliencyPane, "show_map", lambda self, *_: drawn.append(self.side))
    async with pair_at(until_loaded, tmp_path, size=WIDE) as (pair, pilot):
        pair.session.gate.clear()
        await pilot.press("enter")
        await until_shown(pilot, "computing")
        await pilot.press("1")
        await until_shown(pilot, "Examples")
        drawn.clear()
        pair.session.gate.set()
        view = pair.app.base.query_one(SaliencyView)
        await until(pilot, lambda: view._pair.answers and not view._pair.running)
        await pilot.pause(0.5)
        assert drawn == []
        await pilot.press("f2")
        await until(pilot, lambda: set(drawn) == {0, 1})


async def test_a_narrow_terminal_has_one_pane_at_a_time_and_nothing_over_values_and_keys(tmp_path):
    async with pair_at(shown_pair, tmp_path, size=NARROW) as (pair, pilot):
        await until_shown(pilot, "e export", "/ find", "m method", "? help", "q quit")
        assert len(faces(pair.app)) == 1
        assert "─ ○ demo-base" in screen(pair.app)
        await pilot.press("s")
        await until_shown(pilot, "─ ● demo-tuned")
        assert len(faces(pair.app)) == 1
        await pilot.press("j")
        await until_shown(pilot, '"·is" → "·Paris"')
        # The values of both models are on screen all the same.
        assert '"·is" → "·The"' in screen(pair.app)
        below = screen(pair.app).splitlines()[-5:]
        pair.app.say("Something long enough to be shown on more than a line of its own, in full")
        await until_shown(pilot, "Something long enough")
        assert screen(pair.app).splitlines()[-5:] == below


async def test_before_a_prompt_is_run_it_is_said_what_to_do_and_nothing_is_counted(tmp_path):
    async with pair_at(until_loaded, tmp_path, size=WIDE) as (_, pilot):
        await pilot.press("f2")
        shown = await until_shown(pilot, "No prompt has been run yet.", "enter")
        assert "instruction tokens" not in shown
        assert shown.count("╭") == 1
        await pilot.press("1", "enter")
        await until_shown(pilot, "instruction score", "─ ○ demo-base", "─ ● demo-tuned")


async def test_what_is_waited_for_is_said_and_resizing_loses_nothing(tmp_path):
    async with pair_at(until_loaded, tmp_path, size=WIDE) as (pair, pilot):
        pair.session.gate.clear()
        await pilot.press("enter")
        words = "computing", "the engine has other work first", "Waiting for its turn."
        await until_shown(pilot, *words)
        for size in (NARROW, (40, 10), (200, 50), NARROW, WIDE):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        pair.session.gate.set()
        await until_shown(pilot, "different answers", "─ ○ demo-base", "─ ● demo-tuned")


async def test_the_faces_share_cursor_and_data_and_only_the_grid_has_digits(tmp_path):
    async with pair_at(shown_pair, tmp_path, size=WIDE) as (pair, pilot):
        await pilot.press("j", "j", "l")
        for key in ("t", "v", "g"):
            await pilot.press(key)
            await pilot.pause()
            assert [face.cursor for face in faces(pair.app)] == [(2, 1), (2, 0)]
            assert pair.app.focused in faces(pair.app)
        await until_shown(pilot, "d digits")
        await pilot.press("v")
        await until(pilot, lambda: "d digits" not in screen(pair.app))
        await pilot.press("d", "g")
        await until_shown(pilot, "d digits")
        assert not pair.app.state.digits


async def test_a_failed_model_leaves_the_other_one_alone_and_runs_again(tmp_path):
    broken = [True]

    def script(request):
        asked = isinstance(request, AttributionRequest) and request.model.name == "demo-base"
        if asked and broken[0]:
            raise problem("engine", "The engine ended.", "It was killed.", "Run it again.")
        yield from answer(request)

    async with pair_at(started, tmp_path, size=WIDE, script=script) as (pair, pilot):
        await pilot.press("enter")
        await until_shown(pilot, "The engine ended.", "It was killed.", "Run it again.", "·Paris")
        assert len(faces(pair.app)) == 1
        broken[0] = False
        await pilot.press("r")
        await until_shown(pilot, "different answers", "·Italy")
        asked = [r for r in pair.session.requests if isinstance(r, AttributionRequest)]
        assert [r.model.name for r in asked] == ["demo-tuned", "demo-base", "demo-base"]


async def test_what_was_computed_before_a_failure_stays_and_the_failure_is_said(tmp_path):
    def script(request):
        if not isinstance(request, AttributionRequest):
            yield from answer(request)
            return
        whole = attribution(request)
        importance = np.full_like(whole.importance, np.nan)
        importance[:, 0] = whole.importance[:, 0]
        yield Partial(msgspec.structs.replace(whole, importance=importance))
        raise problem("engine", "The engine ended.", "It was killed.")

    async with pair_at(started, tmp_path, size=WIDE, script=script) as (_, pilot):
        await pilot.press("enter")
        shown = await until_shown(pilot, "The engine ended. It was killed. r runs it again.")
        assert shown.count("· failed") == 2
        assert "╌" in shown
        # Said by the legend alone until the cursor is on such a token.
        assert shown.count("not computed yet") == 1
        await pilot.press("l")
        await until(pilot, lambda: screen(pilot.app).count("not computed yet") == 2)


async def test_escape_stops_both_and_r_runs_them_again(tmp_path):
    async with pair_at(until_loaded, tmp_path, size=WIDE) as (pair, pilot):
        pair.session.gate.clear()
        await pilot.press("enter")
        await until_shown(pilot, "computing", "esc stops")
        await pilot.press("escape")
        await until(pilot, lambda: screen(pair.app).count("Stopped. r runs it again.") == 2)
        pair.session.gate.set()
        await pilot.press("r")
        await until_shown(pilot, "different answers")


async def test_a_newer_prompt_replaces_one_that_is_still_computed(tmp_path):
    async with pair_at(until_loaded, tmp_path, size=WIDE) as (pair, pilot):
        pair.session.gate.clear()
        await pilot.press("enter")
        await until_shown(pilot, "computing")
        await pilot.press("1", "escape", "j", "enter")
        pair.session.gate.set()
        await until_shown(pilot, "different answers", "opposite")
        assert "capital" not in faces(pair.app)[0].map.row_labels


async def test_the_export_holds_every_number_of_both_maps(tmp_path):
    hostile = ("base,[b]\x1b[0m/../", '"tuned"')
    async with pair_at(shown_pair, tmp_path, size=WIDE, names=hostile) as (pair, pilot):
        await pilot.press("e")
        await until(pilot, lambda: bool(list(tmp_path.glob("*.csv"))))
        await until_shown(pilot, "Exported to")
    (path,) = tmp_path.glob("*.csv")
    assert not set(path.name) & set('[]\x1b/,"')
    rows = csv_rows(path)
    asked = [r for r in pair.session.requests if isinstance(r, AttributionRequest)]
    # The tuned model was asked first.
    results = [attribution(request) for request in reversed(asked)]
    # The BOS row is hidden.
    assert len(rows) == sum((len(r.prompt_tokens) - 1) * len(r.response_tokens) for r in results)
    assert {row["model"] for row in rows} == set(hostile)
    result = results[0]
    own = [row for row in rows if row["model"] == hostile[0]]
    for row in own[:: len(own) // 7]:
        n, m = int(row["prompt_index"]), int(row["response_index"])
        assert row["prompt_token"] == result.prompt_tokens.texts[n]
        assert row["response_token"] == result.response_tokens.texts[m]
        assert float(row["importance"]) == pytest.approx(float(result.importance[n, m]), rel=1e-6)


async def test_copying_goes_to_terminal_and_file_and_search_through_prompt_and_responses(tmp_path):
    async with pair_at(shown_pair, tmp_path, size=WIDE) as (pair, pilot):
        text = await copied(pilot, "y")
        await until_shown(pilot, "copied.txt")
        assert text == (tmp_path / "copied.txt").read_text()
        assert EXAMPLES[0].prompt in text
        assert "The capital of France is a city" in text
        await pilot.press("slash", *"france", "enter")
        await until_shown(pilot, "1 of 3 places")
        assert faces(pair.app)[0].cursor[0] == 5
        await pilot.press("n", "n")
        await until_shown(pilot, "3 of 3 places")
        assert faces(pair.app)[0].cursor[1] == 3
        await pilot.press("N")
        await until_shown(pilot, "2 of 3 places")
        await pilot.press("slash", *"zebra", "enter")
        await until_shown(pilot, "Not found: zebra")


async def test_notices_are_said_and_the_result_is_shown(tmp_path):
    def script(request):
        if isinstance(request, AttributionRequest):
            yield Notice(Problem(kind="storage", what="The disk is [b]full[/b]."))
        yield from answer(request)

    async with pair_at(shown_pair, tmp_path, size=WIDE, script=script) as (_, pilot):
        await until_shown(pilot, "The disk is [b]full[/b].")


async def test_an_empty_response_is_a_result_too(tmp_path):
    def script(request):
        for event in answer(request):
            if isinstance(event, Finished) and isinstance(request, AttributionRequest):
                whole = event.result
                event = Finished(
                    msgspec.structs.replace(
                        whole,
                        response_tokens=Tokens((), (), ()),
                        importance=whole.importance[:, :0],
                    )
                )
                yield event
                return
            if not isinstance(request, AttributionRequest):
                yield event

    async with pair_at(started, tmp_path, size=WIDE, script=script) as (_, pilot):
        await pilot.press("enter")
        await until_shown(pilot, "the response is empty", "demo-tuned 0.0000")
        await pilot.press("j", "l", "t", "v", "g", "e", "y")
        await pilot.pause(0.2)


async def test_a_failure_without_any_detail_is_shown(tmp_path):
    def script(request):
        yield Failed(Problem(kind="internal", what="It broke."))

    async with pair_at(started, tmp_path, size=NARROW, script=script) as (pair, pilot):
        await pilot.press("enter")
        await until_shown(pilot, "It broke.")
        await pilot.press("j", "i", "d", "e", "slash", "escape", "g", "escape")
        await until_shown(pilot, "Examples")
        assert not pair.app.query_one(SaliencyView).display
