"""Measurements during training, row by row, and their CSV files."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from analysis.clustering.training.run_folder import (
    ACCURACY_NAME,
    CLUSTERS_NAME,
    NEIGHBOURS_NAME,
    replacing,
)
from analysis.problems import problem


class ClusterRow(NamedTuple):
    """Agreement of a layer's clusters with a label after an epoch (0: before training).

    `f1` is NaN in runs from before clusters were matched with labels: their F1 was over pairs.
    """

    epoch: int
    split: str
    layer: int
    label: str
    f1: float
    pair_f1: float
    ari: float
    ami: float


class AccuracyRow(NamedTuple):
    """The share of correct outputs after an epoch, and their mean cross-entropy in nats."""

    epoch: int
    split: str
    accuracy: float
    loss: float


class NeighbourRow(NamedTuple):
    """K-nearest-neighbour scores of the validation instances after an epoch."""

    epoch: int
    layer: int
    k: int
    share: float
    accuracy: float


_UNMATCHED = tuple(name for name in ClusterRow._fields if name != "pair_f1")
"""Columns from before clusters were matched with labels; ``f1`` is over pairs of instances."""

_Row = TypeVar("_Row", ClusterRow, AccuracyRow, NeighbourRow)


@dataclass
class Curves:
    """All rows of a run, epoch by epoch."""

    clusters: list[ClusterRow] = field(default_factory=list)
    accuracies: list[AccuracyRow] = field(default_factory=list)
    neighbours: list[NeighbourRow] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Curves:
        """The rows that a run has written so far; none if it has not started.

        Raises ProblemError: ``storage`` if unreadable, ``input`` if not a file that a run writes.
        """
        # Neighbours are written last; reading them first ensures their epochs exist in the others.
        neighbours = _read(folder / NEIGHBOURS_NAME, NeighbourRow)
        return cls(
            _read(folder / CLUSTERS_NAME, ClusterRow),
            _read(folder / ACCURACY_NAME, AccuracyRow),
            neighbours,
        )

    def write(self, folder: Path) -> None:
        """Replace the files of a run; raises OSError if they cannot be written."""
        _write(folder / CLUSTERS_NAME, ClusterRow, self.clusters)
        _write(folder / ACCURACY_NAME, AccuracyRow, self.accuracies)
        _write(folder / NEIGHBOURS_NAME, NeighbourRow, self.neighbours)

    def add(self, other: Curves) -> None:
        self.clusters += other.clusters
        self.accuracies += other.accuracies
        self.neighbours += other.neighbours

    @property
    def matched(self) -> bool:
        """Whether clusters were matched with labels, so that there is more than pair F1."""
        return not any(math.isnan(row.f1) for row in self.clusters)

    def until(self, epoch: int) -> Curves:
        """The rows up to and including an epoch."""
        return Curves(
            [row for row in self.clusters if row.epoch <= epoch],
            [row for row in self.accuracies if row.epoch <= epoch],
            [row for row in self.neighbours if row.epoch <= epoch],
        )


def last_epoch(folder: Path) -> int | None:
    """The last epoch that a run has measured, None before any; raises as `Curves.read`."""
    rows = _read(folder / NEIGHBOURS_NAME, NeighbourRow)
    return rows[-1].epoch if rows else None


def _write(path: Path, kind: type[_Row], rows: list[_Row]) -> None:
    """Write rows as CSV; floats get as many digits as they need to round-trip."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(kind._fields)
    writer.writerows(rows)
    with replacing(path) as stream:
        stream.write(text.getvalue().encode())


def _read(path: Path, kind: type[_Row]) -> list[_Row]:
    rows: list[_Row] = []
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            lines = csv.reader(stream)
            columns = tuple(next(lines, ()))
            unmatched = kind is ClusterRow and columns == _UNMATCHED
            if not unmatched and columns != kind._fields:
                raise ValueError("its columns are others")
            for cells in lines:
                if unmatched:
                    cells.insert(_UNMATCHED.index("f1"), "nan")
                rows.append(msgspec.convert(cells, kind, strict=False))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise problem("storage", f"{path} cannot be read.", f"{error.strerror}.") from None
    except (ValueError, csv.Error) as error:
        where = f"Below {len(rows)} rows that can be read" if rows else "At its beginning"
        raise problem(
            "input",
            f"{path} is not a file of a training run.",
            f"{where}: {error}.",
            f"Its columns must be {','.join(kind._fields)}.",
        ) from None
    return rows
