"""Training runs in the Clusters view, driven by keys."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import msgspec
import pytest

from analysis.clustering.training import run_folder
from analysis.clustering.training.curves import AccuracyRow, ClusterRow, Curves, NeighbourRow
from analysis.clustering.training.generator import generate
from analysis.clustering.training.instances import LABELS, SPLITS
from app.config import Settings
from tests.app.pair_app import csv_rows, pair_at, screen, until, until_shown
from tests.app.test_clusters_view import script, shown_clusters
from tests.support.scripted_clusters import TINY

NARROW = (80, 24)


def write_curves(folder: Path, epochs: tuple[int, ...]) -> None:
    """F1 is a tenth of the layer and a hundredth of the epoch; those of accuracy and neighbours."""
    layers = range(TINY.training.layers + 1)
    Curves(
        [
            ClusterRow(epoch, split, layer, label, layer / 10 + epoch / 100, 0.25, 0.0, 0.5)
            for epoch in epochs
            for split in SPLITS
            for layer in layers
            for label in LABELS
        ],
        [AccuracyRow(epoch, split, epoch / 4, 1.0) for epoch in epochs for split in SPLITS],
        [NeighbourRow(epoch, layer, 5, 0.5, 0.25) for epoch in epochs for layer in layers],
    ).write(folder)


def write_run(folder: Path, epochs: tuple[int, ...] = (0, 2, 4)) -> None:
    folder.mkdir(parents=True)
    (folder / run_folder.SETTINGS_NAME).write_bytes(msgspec.json.encode(TINY))
    run_folder.write_data(folder / run_folder.DATA_NAME, generate(TINY.data, TINY.seed))
    write_curves(folder, epochs)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


async def shown_runs(pilot, *words):
    await shown_clusters(pilot)
    await pilot.press("t")
    return await until_shown(pilot, *words)


runs_at = partial(pair_at, shown_runs, size=NARROW, script=script)


async def test_without_a_run_it_is_said_how_to_train_one(tmp_path):
    words = "There is no training run in", "clusters train --preset small"
    async with runs_at(tmp_path, *words) as (_, pilot):
        await pilot.press("e")
        await until_shown(pilot, "nothing to export")
        for key in ("enter", "left", "home", "c", "s", "p"):
            await pilot.press(key)
        write_run(tmp_path / "work" / "late")
        await pilot.press("r")
        await until_shown(pilot, "late", "tiny")
        await pilot.press("t")
        await until_shown(pilot, "demo-tuned · layer 3 of 3")


async def test_a_run_of_the_list_is_opened_and_its_slider_moved(tmp_path):
    write_run(tmp_path / "work" / "runs" / "whole")
    write_run(tmp_path / "work" / "half", (0, 2))
    async with runs_at(tmp_path, "epoch 2 of 4", "epoch 4 of 4") as (pair, pilot):
        shown = screen(pair.app)
        assert shown.index("half") < shown.index("runs/whole")
        await pilot.press("down", "enter")
        shown = await until_shown(pilot, "tiny · seed 3", "epoch 4 of 4")
        assert "F1 of clusters by task, unseen instructions" in shown
        await pilot.press("left")
        await until_shown(pilot, "epoch 2 of 4", "0.22")
        await pilot.press("home")
        await until_shown(pilot, "epoch 0 of 4")
        await pilot.press("end", "c", "s", "p")
        await until_shown(
            pilot, "epoch 4 of 4", "pair F1 of clusters by distribution, training subset"
        )
        await pilot.press("escape")
        await until_shown(pilot, "Training runs in", "runs/whole")
        await pilot.press("escape")
        await until_shown(pilot, "demo-tuned · layer 3 of 3")


async def test_a_run_that_is_trained_meanwhile_grows(tmp_path):
    folder = tmp_path / "work" / "run"
    write_run(folder, (0,))
    async with runs_at(tmp_path, "epoch 0 of 4") as (_, pilot):
        await pilot.press("enter")
        await until_shown(pilot, "1 evaluation so far")
        write_curves(folder, (0, 2))
        await until_shown(pilot, "2 evaluations so far")
        assert "epoch 0 of 2" in screen(pilot.app)


async def test_what_is_drawn_is_exported(tmp_path):
    write_run(tmp_path / "work" / "run")
    async with runs_at(tmp_path, "epoch 4 of 4") as (_, pilot):
        await pilot.press("enter")
        await until_shown(pilot, "tiny · seed 3")
        await pilot.press("e")
        path = tmp_path / "work" / "clusters-tiny-seed-3.csv"
        await until(pilot, path.exists)
        await pilot.press("p", "p", "p", "p", "e", "p", "p", "e")
        await until(pilot, (path.parent / "accuracy-tiny-seed-3.csv").exists)
    assert (path.parent / "neighbours-tiny-seed-3.csv").exists()
    rows = csv_rows(path)
    columns = ["epoch", "split", "layer", "label", "f1", "pair_f1", "ari", "ami"]
    assert list(rows[0]) == [*columns, "best_epoch", "tsne"]
    assert {row["epoch"] for row in rows if row["best_epoch"] == "True"} == {"4"}
    assert len(rows) == 3 * len(SPLITS) * 3 * len(LABELS)


async def test_another_folder_is_named_and_a_broken_run_is_said(tmp_path):
    write_run(tmp_path / "elsewhere" / "one")
    (tmp_path / "elsewhere" / "one" / run_folder.DATA_NAME).write_text("{")
    async with runs_at(tmp_path, "There is no training run in", size=(120, 30)) as (_, pilot):
        await pilot.press("slash", *"nowhere", "enter")
        await until_shown(pilot, "There is no folder nowhere")
        await pilot.press("slash", *"../elsewhere", "enter")
        await until_shown(pilot, "epoch 4 of 4")
        await pilot.press("enter")
        await until_shown(pilot, "truncated")
        await until_shown(pilot, "epoch 4 of 4")


async def test_in_ascii_runs_are_plain(tmp_path):
    write_run(tmp_path / "work" / "läufe")
    async with runs_at(tmp_path, "epoch 4 of 4", settings=Settings(ascii=True)) as (_, pilot):
        await pilot.press("enter")
        await until_shown(pilot, "F1 of clusters by task")
        body = screen(pilot.app).splitlines()[2:-2]
        assert all(line.replace("·", "").isascii() for line in body), body
