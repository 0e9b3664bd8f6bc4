"""Reads the folder of a training run, even while it is being written; does not need torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.clustering.training import run_folder
from analysis.clustering.training.curves import Curves
from analysis.clustering.training.instances import Instance
from analysis.clustering.training.settings import RunSettings
from analysis.problems import problem

_Kind = TypeVar("_Kind", RunSettings, Instance)


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """The state of a run so far: its settings, measurements and all instances."""

    folder: Path
    settings: RunSettings
    curves: Curves
    instances: tuple[Instance, ...]

    @property
    def epochs(self) -> list[int]:
        """The completely measured epochs, in order; 0 is before training."""
        return sorted({row.epoch for row in self.curves.neighbours})

    @property
    def layers(self) -> range:
        """The layers; 0 is the embeddings."""
        return range(self.settings.training.layers + 1)

    @property
    def finished(self) -> bool:
        """Whether the last epoch has been measured."""
        return self.epochs[-1:] == [self.settings.training.epochs]

    @property
    def best_epoch(self) -> int | None:
        """The measured epoch with the most outputs right on unseen instructions, None before any.

        Of equally good ones the first: the paper ends a run by this criterion.
        """
        right = {
            row.epoch: row.accuracy for row in self.curves.accuracies if row.split == "validation"
        }
        return max(
            (epoch for epoch in self.epochs if epoch in right), key=right.__getitem__, default=None
        )

    @property
    def evaluated(self) -> list[Instance]:
        """The instances whose states were clustered, in the order used by the maps."""
        return [each for each in self.instances if each.evaluated]

    def maps(self, epoch: int) -> NDArray[np.float16]:
        """The evaluated instances in the plane of each layer's first two principal components.

        Returns:
            float16 [layers + 1, evaluated instances, 2].

        Raises:
            ProblemError: ``storage`` if the file cannot be read, ``input`` if it is damaged or
                belongs to another run.
        """
        path = run_folder.map_path(self.folder, epoch)
        shape = (len(self.layers), len(self.evaluated), 2)
        try:
            found: NDArray[np.float16] = np.load(path, allow_pickle=False)
        except OSError as error:
            raise problem("storage", f"{path} cannot be read.", f"{error.strerror}.") from None
        except (ValueError, EOFError) as error:
            raise problem("input", f"{path} is damaged.", f"{error}.") from None
        if found.shape != shape or found.dtype != np.float16:
            why = f"It holds {found.dtype} {found.shape}, not float16 {shape}."
            raise problem("input", f"{path} does not belong to this run.", why)
        return found


def open_run(folder: Path) -> TrainingRun:
    """The run in a folder.

    Raises:
        ProblemError: ``input`` if the folder holds no run or files that no run writes, ``storage``
            if they cannot be read.
    """
    path = folder / run_folder.SETTINGS_NAME
    settings = _decode(_content(path), RunSettings, path)
    path = folder / run_folder.DATA_NAME
    instances = tuple(
        _decode(line, Instance, path, number)
        for number, line in enumerate(_content(path).splitlines(), start=1)
    )
    return TrainingRun(folder, settings, Curves.read(folder), instances)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise problem(
            "input",
            f"{path.parent} holds no training run.",
            f"There is no {path.name} in it.",
            "Name the folder that insttui clusters train wrote.",
        ) from None
    except OSError as error:
        raise problem("storage", f"{path} cannot be read.", f"{error.strerror}.") from None


def _decode(content: bytes, kind: type[_Kind], path: Path, line: int = 0) -> _Kind:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        where = f"Line {line}: {error}." if line else f"{error}."
        raise problem("input", f"{path} is not a file of a training run.", where) from None
