"""Tables by step turn into curves: a line a row, whatever the models of the steps are called."""

from __future__ import annotations

from analysis.studies.curves import MOST_COLUMNS, MOST_ROWS, StepTable, curves, headline
from analysis.studies.findings import NamedTable
from analysis.table import Table


def steps(columns, *rows_of_steps, labels=None):
    """Tables of steps, 1, 2 and so on, whose tuned models are run/1, run/2."""
    labels = labels or range(1, len(rows_of_steps) + 1)
    return [
        StepTable(
            label,
            NamedTable("scores", "Scores", Table(columns, rows)),
            {"plain": "base", f"run/{label}": "tuned"},
        )
        for label, rows in zip(labels, rows_of_steps, strict=True)
    ]


def lines(figure):
    return {each.name: (each.x, each.y) for each in figure.series}


def test_a_row_is_followed_by_its_first_columns_and_a_model_by_its_role():
    (figure, layer) = curves(
        steps(
            ("model", "layer", "f1", "p_value"),
            [("plain", 4, 0.5, 0.1), ("run/1", 4, 0.5, 0.2)],
            [("plain", 4, 0.5, 0.3), ("run/2", 6, 0.75, 0.4)],
        )
    )
    assert (figure.name, figure.x_label, figure.y_label) == ("curve-scores-f1", "step", "f1")
    assert lines(figure) == {"base": ((1.0, 2.0), (0.5, 0.5)), "tuned": ((1.0, 2.0), (0.5, 0.75))}
    # Fractions come first.
    assert layer.y_label == "layer"
    said = " ".join(headline((1, 2), [figure]))
    assert said.startswith("From step 1 to step 2, the f1 of tuned goes from 0.5 to 0.75")


def test_numbers_that_tell_rows_apart_are_no_curves():
    (figure,) = curves(
        steps(
            ("layer", "angle", "words"),
            [(0, 1.0, "some"), (1, 2.0, "other")],
            [(0, 1.5, "new"), (1, None, "ones")],
        )
    )
    assert lines(figure) == {
        "layer 0": ((1.0, 2.0), (1.0, 1.5)),
        "layer 1": ((1.0, 2.0), (2.0, None)),
    }


def test_long_tables_are_followed_by_their_means_a_line_a_model():
    def rows(model, step):
        return [(model, each, each / 4 + step) for each in range(MOST_ROWS)]

    (figure,) = curves(
        steps(
            ("model", "component", "share"),
            [*rows("plain", 0), *rows("run/1", 0)],
            [*rows("plain", 0), *rows("run/2", 1)],
        )
    )
    mean = sum(each / 4 for each in range(MOST_ROWS)) / MOST_ROWS
    assert figure.y_label == "mean share"
    assert lines(figure) == {
        "base": ((1.0, 2.0), (mean, mean)),
        "tuned": ((1.0, 2.0), (mean, mean + 1)),
    }


def test_a_deviation_is_the_band_of_a_single_line():
    columns = ("part", "mean", "deviation")
    (figure,) = curves(steps(columns, [("all", 1.0, 0.1)], [("all", 2.0, 0.2)]))
    assert figure.series[0].spread == (0.1, 0.2)
    two = [("a", 1.0, 0.1), ("b", 1.0, 0.1)], [("a", 2.0, 0.1), ("b", 1.0, 0.1)]
    (figure,) = curves(steps(columns, *two))
    assert [each.spread for each in figure.series] == [(), ()]


def test_steps_without_numbers_stand_by_their_names():
    columns = ("part", "share")
    (figure,) = curves(steps(columns, [("a", 0.5)], [("a", 1.0)], labels=("warm", "final")))
    assert figure.series[0].x == ("warm", "final")


def test_what_never_changes_or_is_too_much_has_no_curve():
    assert curves(steps(("part", "share"), [("a", 0.5)], [("a", 0.5)])) == []
    assert curves(steps(("part", "share"), [("a", 0.5)])) == []
    assert curves(steps(("part", "share"), [("a", 0.5)], [])) == []
    assert curves(steps(("words", "share"), [("a", 0.5)], [("b", 0.6)])) == []
    many = tuple(f"share_{number}" for number in range(MOST_COLUMNS + 2))
    drawn = curves(steps(("part", *many), [("a", *[0.5] * len(many))], [("a", *[1.0] * len(many))]))
    assert len(drawn) == MOST_COLUMNS


def test_infinite_numbers_leave_a_gap():
    columns = ("part", "share")
    (figure,) = curves(steps(columns, [("a", 0.5)], [("a", float("inf"))], [("a", 1.0)]))
    assert figure.series[0].y == (0.5, None, 1.0)
