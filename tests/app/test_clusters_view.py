"""The Clusters view, driven by keys."""

from __future__ import annotations

from functools import partial

import msgspec
import numpy as np
import pytest

from analysis.clustering.request import ClustersRequest
from analysis.clustering.result import TaskClusters
from analysis.events import Failed, Finished, Progress
from analysis.problems import Problem
from app.config import Settings
from app.frame.registry import VIEWS
from app.jobs.prices import Prices
from app.views.clustering.models import TasksBar
from app.views.clustering.runs import RunsPane
from app.views.clustering.view import ClustersView
from app.widgets.scatter_map import ScatterMap, cells_of, nearest
from tests.app.pair_app import (
    csv_rows,
    pair_at,
    requests_of,
    screen,
    started,
    until,
    until_shown,
)
from tests.support.scripted_clusters import task_clusters
from tests.support.scripted_session import answer

WIDE, NARROW = (200, 50), (80, 24)
KEY = "f" + str(1 + [each.id for each in VIEWS if "pair" in each.workspaces].index("clusters"))


def script(request):
    if isinstance(request, ClustersRequest):
        yield Progress("states", 3, 10, "instances")
        yield Finished(task_clusters(request))
    else:
        yield from answer(request)


async def shown_clusters(pilot):
    await until_shown(pilot, "Capital of a country")
    await pilot.press(KEY)
    return await until_shown(pilot, "demo-tuned · layer 3 of 3")


clusters_at = partial(pair_at, shown_clusters, script=script)


def clusters_of(pair, side=1):
    request = next(r for r in pair.session.requests if isinstance(r, ClustersRequest))
    model = (pair.workspace.base, pair.workspace.tuned)[side]
    return task_clusters(ClustersRequest(model, request.tasks))


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_best_layer_is_shown_first_and_its_instances_in_words(tmp_path, size):
    async with clusters_at(tmp_path, size=size) as (pair, pilot):
        shown = screen(pair.app)
        pairs = "pair F1 0.400  " if size == WIDE else ""
        assert f"by task  F1 0.600  {pairs}ARI 0.500  AMI 0.550" in shown
        assert "a maths  b colours" in shown
        assert "better after tuning: in the best layer, 3, F1 is 0.60" in " ".join(shown.split())
        assert "several tokens: seventy-seven" in shown
        asked = [r.model.name for r in pair.session.requests if isinstance(r, ClustersRequest)]
        assert asked == ["demo-base", "demo-tuned"]
        found, face = clusters_of(pair), pair.app.query_one("#map-tuned", ScatterMap)
        seen = set()
        for key in ("up", "left", "down", "right", "down", "right", "n"):
            await pilot.press(key)
            task = found.tasks[found.task[face.current]]
            given, output = task.mappings[found.mapping[face.current]]
            phrasing = task.phrasings[found.phrasing[face.current]]
            await until_shown(pilot, f"{task.name}: {given} → {output}", f"{phrasing} {given}")
            seen.add(face.current)
        assert len(seen) > 2


async def test_the_map_has_the_letters_of_its_kinds_and_layer_label_and_model_change(tmp_path):
    async with clusters_at(tmp_path, size=NARROW) as (pair, pilot):
        face = pair.app.query_one("#map-tuned", ScatterMap)
        drawn = [face.render_line(y).text for y in range(face.size.height)]
        letters = sorted("".join(drawn).replace(" ", ""))
        assert set(letters) == {"a", "b"}
        found = clusters_of(pair)
        cells = {tuple(cell) for cell in cells_of(found.map[3], *face.size).tolist()}
        assert len(letters) == len(cells)
        await pilot.press("left_square_bracket")
        await until_shown(pilot, "demo-tuned · layer 2 of 3", "F1 0.500")
        await pilot.press("s")
        await until_shown(pilot, "demo-base  · layer 2 of 3", "F1 0.400")
        await pilot.press("c")
        await until_shown(pilot, "by distribution", "F1 0.390", "a numbers  b sums  c colours")
        await pilot.press("c")
        await until_shown(pilot, "by distribution-mapping", "F1 0.380")
        await pilot.press("right_square_bracket", "right_square_bracket")
        await until_shown(pilot, "layer 3 of 3")


async def test_the_plots_are_there_side_by_side_or_one_after_the_other(tmp_path):
    async with clusters_at(tmp_path, size=NARROW) as (pair, pilot):
        assert "F1 by task, by layer" not in screen(pair.app)
        names = ("F1", "pair F1", "ARI", "AMI")
        for title in (*(f"{name} by task" for name in names), "2 nearest neighbours"):
            await pilot.press("p")
            await until_shown(pilot, title)
        await pilot.press("p")
        await until(pilot, lambda: "neighbours of unseen" not in screen(pilot.app))
        assert pair.app.focused is pair.app.query_one("#map-tuned", ScatterMap)
        await pilot.press("p", "escape")
        await until(pilot, lambda: "F1 by task, by layer" not in screen(pilot.app))
    async with clusters_at(tmp_path, size=WIDE) as (pair, pilot):
        assert "F1 by task, by layer" in screen(pair.app)
        await pilot.press("p", "p")
        await until_shown(pilot, "ARI by task, by layer", "demo-tuned · layer 3")


async def test_what_is_shown_is_exported(tmp_path):
    async with clusters_at(tmp_path, size=NARROW) as (_, pilot):
        await pilot.press("e")
        await until_shown(pilot, "Exported to")
        await until(pilot, lambda: len(list(tmp_path.glob("*.csv"))) == 3)
        await pilot.press("p", "e")
        await until(pilot, lambda: (tmp_path / "clusters-demo-base-demo-tuned-2.csv").exists())
    rows = csv_rows(tmp_path / "instances-demo-base-demo-tuned.csv")
    assert len(rows) == 2 * 10
    assert {row["layer"] for row in rows} == {"3"}


async def test_a_sample_is_shown_at_once_and_makes_room_for_all(tmp_path, monkeypatch):
    def price(self, asks):
        asked = [each for ask in asks for each in ask.requests]
        return 60.0 if any(each.instances > 400 for each in asked) else 1.0

    monkeypatch.setattr(Prices, "of", price)

    def asked(pair):
        return [each.instances for each in requests_of(pair, ClustersRequest)]

    async with pair_at(started, tmp_path, size=NARROW, script=script) as (pair, pilot):
        await pilot.press(KEY)
        await until_shown(
            pilot, "A sample, 10 of 8,060 instances.", "enter takes all instances · about 60 s"
        )
        assert asked(pair) == [400, 400]
        await pilot.press("left_square_bracket", "e")
        await until(pilot, lambda: len(list(tmp_path.glob("sample-*.csv"))) == 3)
        assert list(tmp_path.glob("*.csv")) == list(tmp_path.glob("sample-*.csv"))
        await pilot.press("enter")
        # Who moved to another layer of the sample stays there.
        shown = await until_shown(pilot, "Tasks: natural.", "demo-tuned · layer 2 of 3")
        assert "A sample" not in shown
        assert asked(pair) == [400, 400, 8060, 8060]


async def test_while_a_sample_is_computed_enter_is_said_to_start_the_whole(tmp_path, monkeypatch):
    def price(self, asks):
        return 1.0 + 60.0 * any(each.instances > 400 for ask in asks for each in ask.requests)

    monkeypatch.setattr(Prices, "of", price)
    async with pair_at(started, tmp_path, size=NARROW, script=script) as (pair, pilot):
        pair.session.gate.clear()
        await pilot.press(KEY)
        await until_shown(
            pilot,
            "A sample is being computed, for a first picture.",
            "The whole takes about 61 s",
            "a sample is being computed · enter starts the whole · about 61 s (an estimate)",
        )
        pair.session.gate.set()
        await until_shown(pilot, "enter takes all instances")


async def test_the_layer_follows_the_label_to_its_best_until_the_user_chooses_one(tmp_path):
    def first_by_distribution(request):
        for event in script(request):
            result = getattr(event, "result", None)
            if isinstance(result, TaskClusters):
                scores = result.scores.copy()
                scores[1, 1, 0] = 0.95
                event = Finished(msgspec.structs.replace(result, scores=scores))
            yield event

    given = {"size": WIDE, "script": first_by_distribution}
    async with pair_at(shown_clusters, tmp_path, **given) as (_, pilot):
        await until_shown(pilot, "demo-tuned · layer 3, its best", "in the best layer, 3,")
        await pilot.press("c")
        await until_shown(
            pilot,
            "demo-base · layer 1, its best",
            "demo-tuned · layer 1, its best",
            "in the best layer, 1,",
        )
        await pilot.press("c", "c")
        await until_shown(pilot, "demo-tuned · layer 3, its best")
        await pilot.press("left_square_bracket", "c")
        shown = await until_shown(pilot, "demo-tuned · layer 2 ", "by distribution")
        assert "its best" not in shown


async def test_the_finding_is_whole_whenever_the_view_comes_back(tmp_path):
    async with clusters_at(tmp_path, size=NARROW) as (_, pilot):
        for _ in range(2):
            await pilot.press("f2")
            await until(pilot, lambda: "Hidden states" not in screen(pilot.app))
            await pilot.press(KEY)
            shown = await until_shown(pilot, "Hidden states cluster by task", "before, in layer")
            assert "in layer 2, 0.40." in " ".join(shown.split())


async def test_the_next_instance_is_offered_where_there_is_one(tmp_path):
    def two_in_one_place(request):
        for event in script(request):
            result = getattr(event, "result", None)
            if isinstance(result, TaskClusters):
                places = result.map.copy()
                places[:, 1] = places[:, 0]
                event = Finished(msgspec.structs.replace(result, map=places))
            yield event

    given = {"size": NARROW, "script": two_in_one_place}
    async with pair_at(shown_clusters, tmp_path, **given) as (_, pilot):
        await until_shown(pilot, "1 of 2 here", "n next")
        await pilot.press("n")
        await until_shown(pilot, "2 of 2 here", "n next")
        await pilot.press("p")
        await until_shown(pilot, "F1 by task, by layer")
        assert "n next" not in screen(pilot.app)
        await pilot.press("escape", "down", "left")
        await until(pilot, lambda: "of 2 here" not in screen(pilot.app))
        assert "n next" not in screen(pilot.app)


async def test_both_maps_have_the_cursor_on_one_instance_and_models_of_any_depth(tmp_path):
    def shallow(request):
        for event in script(request):
            result = getattr(event, "result", None)
            if isinstance(result, TaskClusters) and "base" in request.model.name:
                scores = result.scores[:2]
                event = Finished(msgspec.structs.replace(result, scores=scores))
            yield event

    async with pair_at(shown_clusters, tmp_path, size=WIDE, script=shallow) as (pair, pilot):
        await until_shown(pilot, "○ demo-base  · layer 1 of 1", "● demo-tuned · layer 3 of 3")
        base, tuned = pair.app.query(ScatterMap)
        await pilot.press("right", "up")
        assert base.current == tuned.current != 0
        await pilot.press("s", "left", "left", "e")
        await until(pilot, lambda: pair.app.focused is base and base.current == tuned.current)
        path = tmp_path / "instances-demo-base-demo-tuned.csv"
        await until(pilot, lambda: path.exists() and len(csv_rows(path)) == 20)
    assert {(row["model"], row["layer"]) for row in csv_rows(path)} == {
        ("demo-base", "1"),
        ("demo-tuned", "3"),
    }


async def test_a_failure_is_said_and_can_be_run_again(tmp_path):
    failing = [True]

    def fails(request):
        if isinstance(request, ClustersRequest) and failing:
            yield Failed(Problem(kind="memory", what="It does not fit."))
        else:
            yield from script(request)

    async with pair_at(started, tmp_path, size=NARROW, script=fails) as (_, pilot):
        await pilot.press(KEY)
        await until_shown(pilot, "It does not fit.", "r runs it again")
        failing.clear()
        await pilot.press("r")
        await until_shown(pilot, "demo-tuned · layer 3 of 3")


async def test_escape_stops_it(tmp_path):
    async with pair_at(started, tmp_path, size=NARROW, script=script) as (pair, pilot):
        pair.session.gate.clear()
        await pilot.press(KEY)
        await until_shown(pilot, "Clustering the hidden states")
        await pilot.press("escape")
        await until_shown(pilot, "Stopped. r runs it again.")
        pair.session.gate.set()
        await pilot.press("r")
        await until_shown(pilot, "demo-tuned · layer 3 of 3")


async def test_what_comes_while_training_runs_are_shown_leaves_the_focus_there(tmp_path):
    async with pair_at(started, tmp_path, size=NARROW, script=script) as (pair, pilot):
        pair.session.gate.clear()
        await pilot.press(KEY, "t")
        await until_shown(pilot, "There is no training run")
        pair.session.gate.set()
        await until(pilot, lambda: pair.app.query_one(ClustersView)._found)
        await pilot.pause()
        assert isinstance(pair.app.focused, RunsPane)
        await pilot.press("escape")
        await until_shown(pilot, "demo-tuned · layer 3 of 3")


TASK = """
[[task]]
name = "double"
phrasings = ["Double it.", "Twice that."]
mappings = [["one", "two"], ["two", "four"]]

[[task]]
name = "halve"
phrasings = ["Halve it.", "Half of that."]
mappings = [["two", "one"], ["four", "two"], ["four", "two"]]
"""


async def test_tasks_of_the_users_own_take_the_place_of_the_shipped_ones(tmp_path):
    (tmp_path / "own.toml").write_text(TASK, encoding="utf-8")
    (tmp_path / "bad.toml").write_text("[[task]]\nname = 3\n", encoding="utf-8")
    async with clusters_at(tmp_path, size=WIDE) as (pair, pilot):
        await until_shown(pilot, "Tasks: natural.")
        pair.session.gate.clear()
        await pilot.press("slash", *"own.toml", "enter")
        await until_shown(pilot, "of both models on 2 tasks (own.toml)")
        pair.session.gate.set()
        await until_shown(pilot, "Tasks: own.toml.", "demo-tuned · layer 3 of 3")
        asked = [r for r in pair.session.requests if isinstance(r, ClustersRequest)]
        names = [tuple(each.name for each in one.tasks) for one in asked]
        assert names[2:] == [("double", "halve")] * 2
        assert len(asked[2].tasks[1].mappings) == 2
        await pilot.press("slash", *"bad.toml", "enter")
        await until_shown(pilot, "bad.toml cannot be used as tasks")
        bar = pair.app.query_one(TasksBar)
        await until(pilot, lambda: pair.app.focused is bar and bar.value == "bad.toml")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pair.app.focused, ScatterMap))
        await pilot.press("slash", *["backspace"] * 8, *"natural", "enter")
        await until_shown(pilot, "Tasks: natural.", "demo-tuned · layer 3 of 3")


async def test_the_help_says_how_to_read_it(tmp_path):
    async with clusters_at(tmp_path, size=WIDE) as (_, pilot):
        await pilot.press("question_mark")
        await until_shown(pilot, "By task, by distribution", "Whether a model's hidden states")
        await pilot.press("end")
        await until_shown(pilot, "precision and recall over pairs")


async def test_in_ascii_nothing_else_is_drawn(tmp_path):
    async with clusters_at(tmp_path, size=WIDE, settings=Settings(ascii=True)) as (_, pilot):
        await until_shown(pilot, "layer 3 of 3", "a maths")
        assert "→" not in screen(pilot.app)


def test_cells_keep_the_order_of_the_points_and_fill_the_pane():
    points = np.array([[0.0, 0.0], [1.0, 1.0], [0.5, 0.5], [1.0, 0.0]], dtype=np.float32)
    assert cells_of(points, 10, 4).tolist() == [[3, 0], [0, 9], [2, 5], [3, 9]]
    assert cells_of(points[:1], 10, 4).tolist() == [[2, 5]]


def test_a_key_leads_to_the_nearest_point_ahead():
    cells = np.array([[2, 2], [2, 5], [1, 3], [0, 2]])
    assert nearest(cells, (2, 2), (0, 1)) == 1
    assert nearest(cells, (2, 2), (-1, 0)) == 3
    assert nearest(cells, (2, 2), (1, 0)) is None
