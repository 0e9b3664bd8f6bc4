"""The Clusters view's texts: the labels' names, the kinds of instances, the legend."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from analysis.clustering.request import ClustersRequest
from analysis.clustering.tables import kinds_of
from analysis.request import ModelChoice
from app.views.clustering.text import (
    LEGEND_LINES,
    Place,
    headline,
    label_names,
    legend,
    status_lines,
)
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
    place = Place(1, 9, [8, 9])
    lines = text_of(status_lines(("b", "t"), (FOUND, FOUND), (2, 3), 0, place, width=80))
    assert [line[:16] for line in lines[:2]] == ["b · layer 2 of 3", "t · layer 3 of 3"]
    assert lines[2] == ("b colours: coal → black  2 of 2 here  in a cluster of 2, 100% colours")
    assert lines[3] == "Name the colour. coal"


def test_a_label_that_all_share_is_said():
    scores = np.full_like(FOUND.scores, np.nan)
    found = msgspec.structs.replace(FOUND, scores=scores)
    lines = status_lines(("b", "t"), (found, found), (0, 0), 0, Place(0, 0, [0]), width=80)
    assert "all instances share it" in text_of(lines)[0]
    assert "nothing to tell apart" in text_of(headline((found, found), 0, None, 80))[0]


@pytest.mark.parametrize(
    ("before", "after", "how"),
    [(0.6, 0.9, "better"), (0.9, 0.6, "less well"), (0.6, 0.61, "about")],
)
def test_the_finding_is_which_way_the_clusters_changed_and_of_how_many(before, after, how):
    def scored(f1):
        scores = np.full_like(FOUND.scores, 0.1)
        scores[2, 0, 0] = f1
        return msgspec.structs.replace(FOUND, scores=scores)

    lines = text_of(headline((scored(before), scored(after)), 0, (400, 8060), 100))
    said = " ".join(lines)
    assert said.startswith(f"A sample, 400 of 8,060 instances. Hidden states cluster by task {how}")
    assert said.endswith(
        f"in the best layer, 2, F1 is {after:.2f}; before, in layer 2, {before:.2f}."
    )
    assert len(lines) <= 2
