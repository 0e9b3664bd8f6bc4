"""The Clusters view's texts: the labels' names, the kinds of instances, the legend."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from analysis.clustering.request import ClustersRequest
from analysis.clustering.tables import kinds_of
from analysis.request import ModelChoice
from app.views.clustering.text import LEGEND_LINES, label_names, legend, status_lines
from app.widgets.lines import width_of
from app.widgets.scatter_map import LOOKS, mark_of
from tests.support.scripted_clusters import TASKS, task_clusters

FOUND = task_clusters(ClustersRequest(ModelChoice("a-tuned", "a"), TASKS))


def text_of(lines):
    return ["".join(text for text, _ in line) for line in lines]


@pytest.mark.parametrize("label", [0, 1, 2])
def test_every_kind_has_its_name(label):
    names, kinds = label_names(FOUND, label), kinds_of(FOUND, label)
    for index, kind in enumerate(kinds):
        task = FOUND.tasks[FOUND.task[index]]
        given, output = task.mappings[FOUND.mapping[index]]
        expected = (task.category or task.name, task.name, f"{task.name}: {given} → {output}")
        assert names[kind] == expected[label]
    assert set(kinds) == set(range(len(names)))


def test_the_legend_has_a_letter_in_its_look_for_every_kind():
    (line,) = legend(["maths", "colours"], 80)
    assert [part for part in line if part[1] != "dim"] == [("a ", LOOKS[0]), ("b ", LOOKS[1])]
    assert text_of([line]) == ["a maths  b colours  "]


def test_a_long_legend_takes_more_lines_and_cuts_no_name():
    names = [f"present-to-past-{number}" for number in range(16)]
    lines = legend(names, 80)
    assert 1 < len(lines) <= LEGEND_LINES + 1
    assert all(width_of(line) <= 82 for line in lines)
    shown = "".join(text_of(lines))
    for kind, name in enumerate(names[:12]):
        assert f"{mark_of(kind)} {name}  " in shown


def test_a_legend_without_end_is_cut_and_says_so():
    lines = legend([f"a rather long name of a task {number}" for number in range(40)], 80)
    assert len(lines) == LEGEND_LINES
    assert text_of(lines)[-1].endswith("...")
    # More kinds than letters have no legend.
    assert text_of(legend(["x"] * 160, 80)) == ["160 mappings: the letters repeat"]


def test_names_from_a_file_are_harmless():
    assert "\x1b" not in "".join(text_of(legend(["a\x1b[31m", "b\nc"], 80)))


def test_the_cluster_of_an_instance_is_said():
    lines = text_of(status_lines("m", FOUND, 3, 0, 9, [8, 9], width=80))
    assert lines[1] == ("b colours: coal → black  2 of 2 here  in a cluster of 2, 100% colours")
    assert lines[2] == "Name the colour. coal"


def test_a_label_that_all_share_is_said():
    scores = np.full_like(FOUND.scores, np.nan)
    found = msgspec.structs.replace(FOUND, scores=scores)
    assert "all instances share it" in text_of(status_lines("m", found, 0, 0, 0, [0], width=80))[0]
