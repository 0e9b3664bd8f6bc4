"""A training run: its curves over the epochs, and a slider."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from analysis.clustering.runs import TrainingRun
from analysis.clustering.training.instances import LABELS, SPLITS
from app.terminal.text import prose
from app.views.clustering.run_plots import MEASURES, Measure, curves, measures_of, table_at
from app.widgets.lines import Line, Lines
from app.widgets.plot import Plot
from app.widgets.table_list import TableList


class ClustersRunPage(Vertical):
    """Plots a measure of `run_shown` over the epochs, and lists the layers at `epoch`."""

    DEFAULT_CSS = """
    ClustersRunPage Plot { height: 1fr; min-height: 8; }
    ClustersRunPage TableList { max-height: 10; }
    """

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only
        self.run_shown: TrainingRun | None = None
        self.epoch = 0
        self.measure: Measure = MEASURES[0]
        self.label = LABELS[0]
        self.split: str = SPLITS[-1]

    def compose(self) -> ComposeResult:
        yield Lines(id="run-name")
        yield Plot(ascii_only=self._ascii, id="run-curves")
        yield Lines(id="run-slider")
        yield TableList(ascii_only=self._ascii, id="run-layers")

    def show(self, run: TrainingRun) -> None:
        """Show a run, or an update of it; the slider stays, or goes to the last epoch."""
        known = self.run_shown is not None and self.epoch in run.epochs
        self.run_shown = run
        if not known:
            self.epoch = run.epochs[-1] if run.epochs else 0
        if self.measure not in measures_of(run):
            self.measure = measures_of(run)[0]
        self._draw()

    def move_slider(self, by: int) -> None:
        """Move by this many measured epochs, forwards or backwards."""
        epochs = self._epochs()
        if epochs:
            place = epochs.index(self.epoch) + by
            self._go_to(epochs[max(0, min(place, len(epochs) - 1))])

    def end_of_slider(self, place: int) -> None:
        """Go to the first (0) or the last (-1) epoch."""
        if epochs := self._epochs():
            self._go_to(epochs[place])

    def next_measure(self) -> None:
        measures = MEASURES if self.run_shown is None else measures_of(self.run_shown)
        self.measure = measures[(measures.index(self.measure) + 1) % len(measures)]
        self._draw()

    def next_label(self) -> None:
        self.label = LABELS[(LABELS.index(self.label) + 1) % len(LABELS)]
        self._draw()

    def next_split(self) -> None:
        self.split = SPLITS[0] if self.split == SPLITS[1] else SPLITS[1]
        self._draw()

    def on_resize(self) -> None:
        self._draw_slider()

    def _epochs(self) -> list[int]:
        return self.run_shown.epochs if self.run_shown is not None else []

    def _go_to(self, epoch: int) -> None:
        self.epoch = epoch
        self._draw_slider()
        self._draw_table()

    def _draw(self) -> None:
        run = self.run_shown
        if run is None:
            return
        settings = run.settings
        count = len(run.epochs)
        state = "" if run.finished else f" · {count} evaluation{'' if count == 1 else 's'} so far"
        if not run.curves.matched:
            state += " · from before F1 was matched: pair F1"
        tsne = " · t-SNE" if settings.training.tsne else ""
        words = prose(f" {settings.preset} · seed {settings.seed}{tsne}", ascii_only=self._ascii)
        self.query_one("#run-name", Lines).show([(words, "strong"), (state, "dim")])
        plot = curves(run, self.measure, self.label, self.split)
        self.query_one(Plot).show(plot)
        self._draw_slider()
        self._draw_table()

    def _draw_slider(self) -> None:
        if epochs := self._epochs():
            assert self.run_shown is not None
            best = self.run_shown.best_epoch
            line = slider(epochs, self.epoch, self.size.width, best, ascii_only=self._ascii)
            self.query_one("#run-slider", Lines).show(line)

    def _draw_table(self) -> None:
        if self.run_shown is not None and self.run_shown.epochs:
            table = self.query_one(TableList)
            table.styles.height = 1 + len(self.run_shown.layers)
            table.show_table(table_at(self.run_shown, self.epoch, self.split))


def slider(
    epochs: list[int], epoch: int, width: int, best: int | None = None, *, ascii_only: bool
) -> Line:
    """A line with a knob at an epoch's position between the first and the last.

    The best epoch by validation is named, and marked on the line.
    """
    known = "" if best is None else f"(best {best}) "
    words = f" epoch {epoch} of {epochs[-1]} "
    room = max(1, width - len(words) - len(known) - 1)

    def place(of: int) -> int:
        return round((of - epochs[0]) / max(1, epochs[-1] - epochs[0]) * (room - 1))

    dash, knob, mark = ("-", "O", "^") if ascii_only else ("─", "●", "▲")
    line = [dash] * room
    if best is not None:
        line[place(best)] = mark
    at = place(epoch)
    return [
        (words, "strong"),
        (known, "dim"),
        ("".join(line[:at]), "dim"),
        (knob, "accent"),
        ("".join(line[at + 1 :]), "dim"),
    ]
