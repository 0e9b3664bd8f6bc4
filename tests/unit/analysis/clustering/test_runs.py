"""Reading a run: what was written, what is still missing, and what is wrong with a folder."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import numpy as np
import pytest

from analysis.clustering.runs import TrainingRun, open_run
from analysis.clustering.training import run_folder
from analysis.clustering.training.curves import AccuracyRow, ClusterRow, Curves, NeighbourRow
from analysis.clustering.training.generator import generate
from analysis.problems import ProblemError
from tests.support.scripted_clusters import TINY

INSTANCES = generate(TINY.data, TINY.seed)
THIRD = 0.1 + 0.2  # needs seventeen digits

CURVES = Curves(
    [
        ClusterRow(epoch, split, layer, "task", THIRD / (epoch + 1), 0.125, -0.25, 1.0)
        for epoch in (0, 2)
        for split in ("training", "validation")
        for layer in range(3)
    ],
    [
        AccuracyRow(0, "training", 0.9, 4.0),
        AccuracyRow(0, "validation", 0.1, 4.0),
        AccuracyRow(1, "validation", 0.7, 1e-7),
        AccuracyRow(2, "validation", 0.7, 1.0),
    ],
    [NeighbourRow(epoch, layer, 5, 0.5, 1.0) for epoch in (0, 2) for layer in range(3)],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / run_folder.SETTINGS_NAME).write_bytes(msgspec.json.encode(TINY))
    run_folder.write_data(tmp_path / run_folder.DATA_NAME, INSTANCES)
    CURVES.write(tmp_path)
    return tmp_path


def problem_of(folder: Path) -> str:
    with pytest.raises(ProblemError) as caught:
        open_run(folder)
    assert caught.value.problem.kind == "input"
    return str(caught.value)


def write_map(run: TrainingRun, epoch: int, values: np.ndarray) -> Path:
    path = run_folder.map_path(run.folder, epoch)
    path.parent.mkdir(exist_ok=True)
    np.save(path, values)
    return path


def test_a_run_is_read_as_it_was_written(folder: Path) -> None:
    run = open_run(folder)
    assert run.settings == TINY
    assert list(run.instances) == INSTANCES
    assert run.curves == CURVES
    assert run.epochs == [0, 2]
    assert list(run.layers) == [0, 1, 2]
    assert not run.finished
    # Epoch 1 is not measured as a whole; of epochs 0 and 2 the later is right more often.
    assert run.best_epoch == 2
    assert run.curves.matched


def test_f1_of_a_run_from_before_it_was_matched_is_pair_f1(folder: Path) -> None:
    rows = "0,training,0,task,0.3,0.1,0.2\n0,training,1,task,0.4,0.1,0.2\n"
    (folder / "clusters.csv").write_text("epoch,split,layer,label,f1,ari,ami\n" + rows)
    curves = open_run(folder).curves
    assert not curves.matched
    assert [row[5:] for row in curves.clusters] == [(0.3, 0.1, 0.2), (0.4, 0.1, 0.2)]
    assert all(math.isnan(row.f1) for row in curves.clusters)


COLUMNS = {
    "clusters.csv": "epoch,split,layer,label,f1,pair_f1,ari,ami",
    "accuracy.csv": "epoch,split,accuracy,loss",
    "neighbours.csv": "epoch,layer,k,share,accuracy",
}


def test_the_columns_are_those_that_are_documented(folder: Path) -> None:
    found = {name: (folder / name).read_text().partition("\n")[0] for name in COLUMNS}
    assert found == COLUMNS


def test_a_run_that_has_measured_nothing_yet_has_no_epochs(folder: Path) -> None:
    for name in COLUMNS:
        (folder / name).unlink()
    run = open_run(folder)
    assert run.epochs == []
    assert not run.finished


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    assert "holds no training run" in problem_of(tmp_path)
    assert "holds no training run" in problem_of(tmp_path / "nowhere")


def test_a_damaged_line_is_named(folder: Path) -> None:
    path = folder / run_folder.DATA_NAME
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:4], b'{"instruction": 3}', *lines[5:]]))
    assert "data.jsonl is not a file of a training run. Line 5" in problem_of(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("epoch,layer\n1,2\n", "At its beginning: its columns are others"),
        ("epoch,layer,k,share,accuracy\n0,0,5,0.5,1\n0,1,5,0.5\n", "Below 1 rows"),
        ("epoch,layer,k,share,accuracy\n0,0,5,half,1\n", "Expected `float`"),
    ],
)
def test_rows_that_are_none_are_told(folder: Path, content: str, said: str) -> None:
    (folder / "neighbours.csv").write_text(content)
    assert said in problem_of(folder)


def test_a_map_is_read_and_one_of_another_run_is_refused(folder: Path) -> None:
    run = open_run(folder)
    points = np.zeros((3, len(run.evaluated), 2), dtype=np.float16)
    points[1, 2] = (0.5, -2)
    path = write_map(run, 2, points)
    np.testing.assert_array_equal(run.maps(2), points)
    write_map(run, 2, points[:, :-1])
    with pytest.raises(ProblemError, match="does not belong to this run"):
        run.maps(2)
    path.write_bytes(b"nothing")
    with pytest.raises(ProblemError, match="is damaged"):
        run.maps(2)
    with pytest.raises(ProblemError, match="cannot be read"):
        run.maps(1)
