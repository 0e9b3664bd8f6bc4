"""The page of a training run: curves over the epochs, and a slider that tells all layers."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from textual.app import App, ComposeResult

from analysis.clustering.runs import TrainingRun
from analysis.clustering.training.curves import AccuracyRow, ClusterRow, Curves, NeighbourRow
from analysis.clustering.training.instances import LABELS, SPLITS
from analysis.clustering.training.settings import DataSettings, RunSettings, TrainingSettings
from app.views.clustering.run import ClustersRunPage, slider
from app.views.clustering.run_plots import MEASURES, curves
from app.widgets.lines import Lines, width_of
from app.widgets.plot import Plot
from app.widgets.table_list import TableList

EPOCHS = (0, 10, 20, 30)


def made_run(epochs: tuple[int, ...] = EPOCHS, layers: int = 6) -> TrainingRun:
    """F1 is the layer in tens of percent plus the epoch in percent; a label adds a thousandth."""
    return TrainingRun(
        Path("/runs/one"),
        RunSettings(
            preset="small",
            seed=1,
            data=DataSettings(),
            training=TrainingSettings(layers=layers, epochs=30, evaluate_every=10),
        ),
        Curves(
            [
                ClusterRow(
                    *(epoch, split, layer, label, layer / 10 + epoch / 100 + place / 1000),
                    *(layer / 20, 0.0, 0.5),
                )
                for epoch in epochs
                for split in SPLITS
                for layer in range(layers + 1)
                for place, label in enumerate(LABELS)
            ],
            [AccuracyRow(epoch, split, epoch / 30, 1.0) for epoch in epochs for split in SPLITS],
            [
                NeighbourRow(epoch, layer, 10, epoch / 60, epoch / 40)
                for epoch in epochs
                for layer in range(layers + 1)
            ],
        ),
        (),
    )


class PageApp(App[None]):
    """The page and nothing else."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__()
        self.page = ClustersRunPage(ascii_only=ascii_only, id="page")

    def compose(self) -> ComposeResult:
        yield self.page

    def shown(self, name: str) -> str:
        return self.page.query_one(f"#{name}", Lines).plain

    def drawn(self) -> str:
        plot = self.page.query_one(Plot)
        return "\n".join(plot.render_line(y).text for y in range(plot.size.height))


async def test_the_last_epoch_is_shown_first_with_all_layers() -> None:
    app = PageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.page.show(made_run())
        await pilot.pause()
        assert "small · seed 1" in app.shown("run-name")
        assert app.shown("run-slider").startswith(" epoch 30 of 30")
        table = app.page.query_one(TableList).text().splitlines()
        assert table[0].split("\t")[:2] == ["layer", "F1 task"]
        assert table[-1].split("\t") == ["6", "0.9", "0.901", "0.902", "0.5", "0.75"]
        assert "F1 of clusters by task, unseen instructions" in app.drawn()


async def test_the_slider_goes_from_evaluation_to_evaluation() -> None:
    app = PageApp()
    async with app.run_test(size=(80, 24)):
        app.page.show(made_run())
        app.page.move_slider(-2)
        assert app.page.epoch == 10
        assert app.page.query_one(TableList).text().splitlines()[1].split("\t")[1] == "0.1"
        app.page.end_of_slider(0)
        app.page.move_slider(-1)
        assert app.page.epoch == 0
        app.page.move_slider(1)
        assert app.page.epoch == 10
        app.page.end_of_slider(-1)
        assert app.page.epoch == 30


async def test_measures_labels_and_splits_take_turns() -> None:
    app = PageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.page.show(made_run())
        await pilot.pause()
        app.page.next_label()
        app.page.next_split()
        assert "F1 of clusters by distribution, training subset" in app.drawn()
        titles = set()
        for _ in MEASURES:
            app.page.next_measure()
            titles.add(app.drawn().splitlines()[0])
        assert len(titles) == len(MEASURES)
        assert "F1 of clusters by distribution" in app.drawn()


async def test_a_run_that_grows_keeps_the_slider() -> None:
    app = PageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.page.show(made_run((0, 10)))
        await pilot.pause()
        app.page.move_slider(-1)
        assert "2 evaluations so far" in app.shown("run-name")
        app.page.show(made_run())
        assert app.page.epoch == 0
        assert "so far" not in app.shown("run-name")


async def test_a_run_without_epochs_says_that_there_is_nothing_yet() -> None:
    app = PageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.page.show(made_run(()))
        await pilot.pause()
        app.page.move_slider(-1)
        app.page.end_of_slider(0)
        app.page.next_measure()
        assert "nothing to plot yet" in app.drawn()


async def test_plain_ascii_is_plain() -> None:
    app = PageApp(ascii_only=True)
    async with app.run_test(size=(60, 20)) as pilot:
        app.page.show(made_run())
        await pilot.pause()
        assert app.drawn().isascii()
        assert app.shown("run-slider").isascii()


def test_lines_are_the_lowest_layer_the_highest_and_two_between() -> None:
    plot = curves(made_run(), "f1", "task", "validation")
    assert [each.name for each in plot.series] == ["layer 0", "layer 2", "layer 4", "layer 6"]
    assert list(plot.series[1].x) == [0, 10, 20, 30]
    assert list(plot.series[1].y) == pytest.approx([0.2, 0.3, 0.4, 0.5])
    few = curves(made_run(layers=2), "share", "task", "validation")
    assert [each.name for each in few.series] == ["layer 0", "layer 1", "layer 2"]


@pytest.mark.parametrize("width", [30, 80, 81])
@pytest.mark.parametrize("epoch", EPOCHS)
def test_the_slider_is_as_wide_as_the_page(width: int, epoch: int) -> None:
    for best in (None, 20):
        line = slider([*EPOCHS], epoch, width, best, ascii_only=False)
        assert width_of(line) == width - 1


async def test_the_best_epoch_is_marked_under_the_curves_and_on_the_slider() -> None:
    app = PageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        run = made_run()
        rows = [
            row._replace(accuracy=0.9 if row.epoch in (10, 20) else 0.1)
            for row in run.curves.accuracies
        ]
        run.curves.accuracies[:] = rows
        assert run.best_epoch == 10
        app.page.show(run)
        await pilot.pause()
        assert app.shown("run-slider").startswith(" epoch 30 of 30 (best 10)")
        axis = next(line for line in app.drawn().splitlines() if "▲" in line)
        across = axis.index("▲") - axis.index("└") - 1
        assert across / (len(axis.rstrip()) - axis.index("└") - 2) == pytest.approx(1 / 3, abs=0.02)
        assert "▲" in app.shown("run-slider")


async def test_a_run_from_before_f1_was_matched_shows_its_pair_f1() -> None:
    app = PageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        run = made_run()
        run.curves.clusters[:] = [row._replace(f1=math.nan) for row in run.curves.clusters]
        app.page.show(run)
        await pilot.pause()
        assert "pair F1" in app.shown("run-name")
        assert "pair F1 of clusters by task" in app.drawn()
        table = app.page.query_one(TableList).text().splitlines()
        assert table[0].split("\t")[1] == "pair F1 task"
        assert table[-1].split("\t")[1] == "0.3"
        for _ in MEASURES[1:]:
            app.page.next_measure()
        assert app.page.measure == "pair_f1"
