"""The answers, first face of the Saliency view: the prompt by words, responses, table, findings."""

from __future__ import annotations

import re

import msgspec
import numpy as np
import pytest

from analysis.events import Finished, Partial
from analysis.saliency.faithfulness import Faithfulness
from analysis.saliency.request import AttributionRequest
from app.state import State
from app.views.saliency.pair import Pair
from app.views.saliency.view import SaliencyView
from app.widgets.scaled_lines import WordBars
from app.widgets.token_text import TokenText
from tests.app.pair_app import csv_rows, faces, pair_at, screen, started, until, until_shown
from tests.support.scripted_session import RESPONSES, answer, attribution

WIDE, NARROW = (160, 40), (80, 24)


def reading(folder, size=WIDE, **given):
    return pair_at(answered, folder, size=size, face="answers", **given)


async def answered(pilot):
    """The first example, asked and answered by both models."""
    await started(pilot)
    await pilot.press("enter")
    await until_shown(pilot, "heaviest words", "They part")
    await until(pilot, lambda: pilot.app.status.state == "idle")


def results(pair):
    asked = [each for each in pair.session.requests if isinstance(each, AttributionRequest)]
    # The tuned model is asked first.
    return [attribution(each) for each in sorted(asked, key=lambda each: each.model.name)]


def table_of(pair):
    return pair.app.query_one(SaliencyView)._shown.words.table(
        pair.app.query_one(SaliencyView)._shown.cursor
    )


async def test_they_come_first_and_a_narrow_terminal_begins_with_the_tuned_model(tmp_path):
    assert State().face == "answers"
    async with reading(tmp_path, size=NARROW) as (pair, pilot):
        shown = await until_shown(
            pilot,
            "─ ● demo-tuned",
            RESPONSES["demo-tuned"],
            'says "·The"',
            'says "·Paris"',
            "against",
            "for the answer",
        )
        bars = pair.app.query_one(WordBars)
        assert bars.region.height == 6
        assert all(line.strip() in shown for line in bars.plain.splitlines())
        assert len(faces(pair.app)) == 1
        await pilot.press("s")
        await until_shown(pilot, "─ ○ demo-base", RESPONSES["demo-base"])
        for size in ((60, 16), (40, 10), (200, 50), NARROW):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        await until_shown(pilot, "heaviest words", "They part")


async def test_a_walk_colours_for_a_token_and_w_for_the_whole_response_again(tmp_path):
    async with reading(tmp_path) as (pair, pilot):
        base, tuned = faces(pair.app)
        assert [face.coloured_by for face in (base, tuned)] == ["whole", "whole"]
        result = results(pair)[1]
        weights = result.totals[1:].astype(float)
        levels = np.ceil(10 * np.abs(weights) / np.abs(weights).max())
        assert tuned.map.totals.tolist() == levels.tolist()
        assert tuned.map.negative_totals.tolist() == (weights < 0).tolist()
        await pilot.press("l")
        await until_shown(pilot, 'tuned for "·Paris"', "w whole")
        # The responses are different texts: a token of one has no partner in the other.
        assert [face.coloured_by for face in (base, tuned)] == ["whole", "column"]
        assert np.isnan(table_of(pair).changes).all()
        column = result.importance[1:, 0].astype(float)
        # Every word of this prompt is one token.
        shares = column / np.abs(column).sum()
        assert table_of(pair).tuned.shares == pytest.approx(shares, abs=1e-6)
        # The heaviest words are that token's; the other model's numbers are of another thing.
        listed = pair.app.query_one(WordBars).plain.splitlines()
        assert "base, whole answer" in listed[0]
        heaviest = np.argsort(-np.abs(shares), kind="stable")[: len(listed) - 1]
        numbers = [re.findall(r"-?\d\.\d\d", line)[1] for line in listed[1:]]
        assert numbers == [f"{shares[word]:.2f}" for word in heaviest]
        await pilot.press("l")
        await until_shown(pilot, 'tuned for "."')
        await pilot.press("w")
        await until(pilot, lambda: 'for "' not in screen(pair.app))
        assert tuned.coloured_by == "whole"
        assert "w whole" not in screen(pair.app)


async def test_on_one_response_both_models_walk_together_and_scores_compare(tmp_path):
    async with reading(tmp_path) as (pair, pilot):
        await until_shown(pilot, "o explains both models on the same")
        await pilot.press("o")
        await until_shown(pilot, "On base's answer, tuned leans on the instruction")
        await pilot.press("l", "l")
        await until_shown(pilot, 'base for "·capital"', 'tuned for "·capital"')
        assert [face.cursor[1] for face in faces(pair.app)] == [1, 1]
        assert not np.isnan(table_of(pair).changes).any()
        # What is known of one response is told beside each model's own.
        await pilot.press("o", "o")
        await until_shown(pilot, "─ ○ demo-base · gradient (reverse) ─", "leans on the instruction")


async def test_totals_are_enough_and_what_is_not_known_is_said(tmp_path):
    def script(request):
        if isinstance(request, AttributionRequest):
            whole = attribution(request)
            nothing = np.full_like(whole.importance, np.nan)
            # More never comes.
            yield Partial(msgspec.structs.replace(whole, importance=nothing))
        else:
            yield from answer(request)

    async with pair_at(asked_only, tmp_path, size=WIDE, face="answers", script=script) as (
        pair,
        pilot,
    ):
        await until_shown(
            pilot, "heaviest words", "Instruction scores wait for the whole maps.", "not computed"
        )
        table = table_of(pair)
        assert table.base.known
        assert table.tuned.known
        await pilot.press("l")
        await until_shown(pilot, 'tuned for "·Paris"')
        assert not table_of(pair).tuned.known
        assert "–" in pair.app.query_one(WordBars).plain


async def asked_only(pilot):
    await started(pilot)
    await pilot.press("enter")


async def test_another_method_has_no_totals_of_the_gradient_s(tmp_path):
    def script(request):
        if getattr(request, "method", "") == "frozen_norms":
            # It never answers.
            yield from ()
        else:
            yield from answer(request)

    async with reading(tmp_path, script=script) as (pair, pilot):
        await pilot.press("m")
        await until_shown(pilot, "demo-tuned · frozen norms")
        assert not table_of(pair).tuned.known
        assert all(face.map.totals is None for face in faces(pair.app))


async def test_the_gradient_that_agrees_better_is_shown_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(Pair, "settles", True)

    def script(request):
        for event in answer(request):
            if isinstance(event, Finished) and isinstance(request, AttributionRequest):
                pearson = 0.51 if request.method == "frozen_norms" else 0.124
                known = Faithfulness(7, 3, pearson, 0.4)
                event = Finished(msgspec.structs.replace(event.result, faithfulness=known))
            yield event

    async with reading(tmp_path, script=script) as (_, pilot):
        shown = await until_shown(pilot, "─ ● demo-tuned · frozen norms")
        words = "Frozen norms: agrees better with deletion (base r ≈ 0.51, tuned r ≈ 0.51) than"
        assert words in shown


async def test_the_export_has_every_word_and_what_the_sentences_say(tmp_path):
    def script(request):
        for event in answer(request):
            if isinstance(event, Finished) and isinstance(request, AttributionRequest):
                known = np.linspace(0.9, 0.5, len(event.result.response_tokens), dtype=np.float32)
                event = Finished(msgspec.structs.replace(event.result, probabilities=known))
            yield event

    async with reading(tmp_path, script=script) as (pair, pilot):
        await pilot.press("e")
        await until(pilot, lambda: len(list(tmp_path.glob("*.csv"))) == 3)
        await pilot.app.workers.wait_for_complete()
    (words,) = tmp_path.glob("words-saliency-*.csv")
    rows = csv_rows(words)
    assert [row["word"] for row in rows][:6] == ["What", "is", "the", "capital", "of", "France?"]
    result = results(pair)[1]
    own = result.totals[1:].astype(float)
    shares = own / np.abs(own).sum()
    assert [float(row["tuned_share"]) for row in rows] == pytest.approx(shares, abs=1e-5)
    assert [float(row["tuned_weight"]) for row in rows] == pytest.approx(own, abs=1e-5)
    (found,) = tmp_path.glob("findings-saliency-*.csv")
    base, tuned = csv_rows(found)
    assert (base["says"], tuned["says"]) == (" The", " Paris")
    assert float(tuned["probability"]) == pytest.approx(0.9)
    assert base["parts_at"] == "0"
    assert base["instruction_score"] == ""


async def test_without_a_token_s_word_in_reach_every_key_is_harmless(tmp_path):
    async with reading(tmp_path, size=NARROW) as (pair, pilot):
        for key in ("x", "j", "end", "home", "i", "c", "pagedown", "v", "t", "m", "m", "m", "y"):
            await pilot.press(key)
            await pilot.pause()
        await until_shown(pilot, "┄ template")
        assert isinstance(faces(pair.app)[0], TokenText)
