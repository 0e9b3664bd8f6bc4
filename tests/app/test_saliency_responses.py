"""The Saliency view's responses, driven by keys: each model's own, one model's in both, a given."""

from __future__ import annotations

import csv

import pytest

from analysis.saliency.map import SaliencyMap
from analysis.saliency.request import AttributionRequest
from tests.app.pair_app import faces, pair_at, screen, shown_pair, until, until_shown
from tests.support.scripted_session import RESPONSES, attribution

WIDE = (160, 40)


def asked(pair):
    return [each for each in pair.session.requests if isinstance(each, AttributionRequest)]


async def test_o_explains_one_model_s_response_in_both_and_then_the_other_s(tmp_path):
    async with pair_at(shown_pair, tmp_path, size=WIDE) as (pair, pilot):
        await pilot.press("o")
        await until_shown(
            pilot,
            "demo-base · gradient (reverse) · demo-base's response ─",
            "demo-tuned · gradient (reverse) · demo-base's response ─",
        )
        _, own, given = asked(pair)
        assert given.model.name == "demo-tuned"
        assert given.written_by == own.model
        assert given.response == RESPONSES["demo-base"]
        assert given.response_ids == attribution(own).response_tokens.ids
        whole = SaliencyMap.from_attribution(attribution(given))
        assert (faces(pair.app)[1].map.levels == whole.scores[1:]).all()

        await pilot.press("o")
        await until_shown(pilot, "demo-base · gradient (reverse) · demo-tuned's response ─")
        assert asked(pair)[-1].model.name == "demo-base"
        # Other methods explain the same response, whose ids are this model's own now.
        await pilot.press("m", "m")
        await until(pilot, lambda: screen(pair.app).count("all r") == 2)
        occluded = asked(pair)[-2:]
        assert {each.method for each in occluded} == {"occlusion"}
        assert not any(each.response for each in occluded)
        await pilot.press("m", "m", "o")
        await until_shown(pilot, "─ ○ demo-base · gradient (reverse) ─")
        await pilot.press("o", "o", "o")
        await until_shown(pilot, "─ ○ demo-base · gradient (reverse) ─")
        assert len(asked(pair)) == 8


@pytest.mark.parametrize("from_file", [False, True])
async def test_a_response_of_the_user_s_is_typed_or_read_from_a_file(tmp_path, from_file):
    async with pair_at(shown_pair, tmp_path, size=WIDE) as (pair, pilot):
        await pilot.press("O")
        if from_file:
            (tmp_path / "a.txt").write_text("\nParis", encoding="utf-8")
            entry = f"@{tmp_path / 'a.txt'}"
        else:
            entry = "Paris"
        bar = pair.app.screen.query_one("#given")
        bar.value = entry
        await pilot.press("enter")
        await until_shown(pilot, "demo-tuned · gradient (reverse) · given response ─")
        texts = [each.response for each in asked(pair)[2:]]
        assert texts == (["\nParis"] * 2 if from_file else [" Paris"] * 2)


async def test_a_file_that_is_not_there_is_said_and_the_own_responses_stay(tmp_path):
    async with pair_at(shown_pair, tmp_path, size=WIDE) as (pair, pilot):
        await pilot.press("O")
        pair.app.screen.query_one("#given").value = "@none"
        await pilot.press("enter")
        await until_shown(pilot, "cannot be read")
        await pilot.press("escape")
        assert len(asked(pair)) == 2


# After an occlusion, agreement with it is known, and exported too.
@pytest.mark.parametrize(("times", "files"), [(0, 2), (3, 3)], ids=["gradient", "difference"])
async def test_the_tokens_and_the_case_are_exported(tmp_path, times, files):
    async with pair_at(shown_pair, tmp_path, size=WIDE) as (pair, pilot):
        await pilot.press(*["m"] * times)
        await until(pilot, lambda: "esc stops" not in screen(pair.app))
        await pilot.press("E")
        await until(pilot, lambda: len(list(tmp_path.glob("*.csv"))) == files)
        await pair.app.workers.wait_for_complete()
        shown = screen(pair.app)
    rows = {kind: read(tmp_path, kind) for kind in ("tokens", "case")}
    for row in rows["case"]:
        model = row["model"]
        own = [each for each in rows["tokens"] if each["model"] == model]
        marked = [float(each["density"]) for each in own if each["instruction"] == "True"]
        assert len(marked) == int(row["instruction_tokens"])
        assert f"{model} {float(row['instruction_score']):.4f}" in shown
    assert [row["response_by"] for row in rows["case"]] == ["demo-base", "demo-tuned"]
    assert {row["method"] for row in rows["case"]} == {"reverse"}


def read(folder, kind):
    (path,) = folder.glob(f"{kind}-saliency-demo-base-demo-tuned-*.csv")
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
