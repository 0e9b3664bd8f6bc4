"""``insttui clusters train``: what it prints, and the words of what goes wrong."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from analysis.clustering.runs import TrainingRun
from analysis.clustering.training.curves import AccuracyRow, ClusterRow, Curves, NeighbourRow
from analysis.clustering.training.generator import generate
from analysis.clustering.training.instances import set_sizes
from analysis.clustering.training.settings import (
    DataSettings,
    Failed,
    Message,
    Progress,
    RunSettings,
    TrainingSettings,
)
from analysis.problems import Problem, ProblemError
from app.cli import main
from app.commands import clusters_train
from tests.support.scripted_clusters import TINY

RUN = TrainingRun(
    Path("/runs/one"),
    RunSettings(
        preset="small", seed=2, data=DataSettings(), training=TrainingSettings(layers=1, epochs=9)
    ),
    Curves(
        [
            ClusterRow(
                epoch, split, layer, label, 0.1 * layer + 0.01 * epoch + extra, 0.0, 0.0, 0.0
            )
            for epoch in (0, 5, 9)
            for split, extra in (("training", 0.0), ("validation", 0.5))
            for layer in (0, 1)
            for label in ("task", "distribution")
        ],
        [
            AccuracyRow(epoch, split, {0: 0.0, 5: 0.8, 9: 0.7}[epoch], 1.0)
            for epoch in (0, 5, 9)
            for split in ("training", "validation")
        ],
        [
            NeighbourRow(epoch, layer, 10, 0.05 * epoch, 0.02 * epoch)
            for epoch in (0, 5, 9)
            for layer in (0, 1)
        ],
    ),
    (),
)


def lines_of(messages: list[Message]) -> list[bytes]:
    return [msgspec.json.encode(each) + b"\n" for each in messages]


def report(step: int) -> Progress:
    return Progress(step // 10, 10, step, 100, 2.5, 0.25)


def test_the_summary_compares_the_first_epoch_the_best_and_the_last():
    text = "\n".join(clusters_train.summary(RUN))
    assert "small, seed 2: epoch 0 → epoch 5 (best) → epoch 9" in text
    assert "0.000 → 0.800 → 0.700 with unseen instructions" in text
    rows = [re.split(r"\s{2,}", line) for line in text.splitlines() if re.match(r"\d ", line)]
    near = ["0.000 → 0.250 → 0.450", "0.000 → 0.100 → 0.180"]
    assert rows == [
        ["0", "0.000 → 0.050 → 0.090", "0.500 → 0.550 → 0.590", *near],
        ["1", "0.100 → 0.150 → 0.190", "0.600 → 0.650 → 0.690", *near],
    ]


def test_sizes_stand_beside_the_papers_where_the_preset_is_the_papers():
    instances = tuple(generate(TINY.data, TINY.seed))
    sizes = set_sizes(instances)
    paper = msgspec.structs.replace(RUN.settings, preset="paper-32")
    for settings, papers in ((RUN.settings, ""), (paper, " (paper: 315)")):
        run = replace(RUN, settings=settings, instances=instances)
        (line,) = (each for each in clusters_train.summary(run) if "instances:" in each)
        assert line.startswith(f"instances: {sizes['training']:,} training")
        assert line.endswith(f"{sizes['validation']} validation{papers}")


def test_a_failure_of_the_process_becomes_the_commands():
    failed = Failed(Problem(kind="storage", what="The disk is full."))
    with pytest.raises(ProblemError, match="The disk is full"):
        list(clusters_train._progress(lines_of([report(10), failed])))


def test_a_log_says_rate_and_time_left(capsys):
    reports = clusters_train._progress(lines_of([report(50), report(60), report(100)]))
    clusters_train._print_lines(reports)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("epoch 10 of 10, loss 2.500, unseen 25 % right, ")
    assert lines[-1].endswith("steps/s, 0 s left")


def test_a_folder_with_other_things_is_left_alone(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["clusters", "train", "--preset", "small", "--out", str(tmp_path)]) == 2
    assert "is not an empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
