"""A training run: learns the tasks, measures the model between epochs, resumes if interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from transformers import GPT2LMHeadModel

from analysis.clustering.training import run_folder
from analysis.clustering.training.curves import Curves
from analysis.clustering.training.dynamics import Dynamics
from analysis.clustering.training.generator import generate
from analysis.clustering.training.instances import Instance
from analysis.clustering.training.model import Encoded, loss_of, new_model, shuffled
from analysis.clustering.training.run_folder import CHECKPOINT_NAME, replacing
from analysis.clustering.training.settings import Progress, RunSettings
from analysis.engine.loading import pick_device
from analysis.problems import problem

SECONDS_BETWEEN_CHECKPOINTS = 20.0


Report = Callable[[Progress], None]


def train_run(
    folder: Path,
    settings: RunSettings,
    *,
    device: str = "auto",
    report: Report | None = None,
    seconds_between_checkpoints: float = SECONDS_BETWEEN_CHECKPOINTS,
) -> None:
    """Train in a folder, from the beginning or from its checkpoint.

    Interrupted at any moment and restarted, a run ends with the same numbers as an uninterrupted
    one, on the same machine with the same number of threads: each epoch has its own seed, so a
    checkpoint between two epochs captures the whole state.

    Args:
        folder: New, empty, or already containing this run.
        settings: Parameters of the tasks and the model.
        device: As accepted by `pick_device`.
        report: Called after every step, from this thread.
        seconds_between_checkpoints: Minimum interval; the last epoch always writes one.

    Raises:
        ProblemError: ``input`` if the folder contains something else or the device is unavailable,
            ``storage`` if the folder is in use or its checkpoint is damaged.
        OSError: The folder cannot be written.
    """
    chosen = pick_device(device)
    run_folder.claim(folder)
    with run_folder.held(folder):
        instances = _prepared(folder, settings)
        run = _Run(folder, settings, instances, chosen)
        run.go_on(report, seconds_between_checkpoints)


def _prepared(folder: Path, settings: RunSettings) -> list[Instance]:
    """The instances of a run; a new folder gets these and the settings."""
    instances = generate(settings.data, settings.seed)
    path = folder / run_folder.SETTINGS_NAME
    content = msgspec.json.format(msgspec.json.encode(settings), indent=1) + b"\n"
    if not path.exists():
        run_folder.write_data(folder / run_folder.DATA_NAME, instances)
        with run_folder.replacing(path) as stream:
            stream.write(content)
    elif path.read_bytes() != content:
        raise problem(
            "input",
            f"{folder} holds a run with other settings.",
            f"Its {run_folder.SETTINGS_NAME} is not that of preset {settings.preset} with seed "
            f"{settings.seed}{' and t-SNE' if settings.training.tsne else ''}, or is that of an "
            "earlier insttui, which made other instances.",
            "Name another folder.",
        )
    return instances


class _Run:
    """The model and everything needed to train it."""

    def __init__(
        self,
        folder: Path,
        settings: RunSettings,
        instances: list[Instance],
        device: torch.device,
    ) -> None:
        self._folder, self._settings, self._device = folder, settings, device
        training = settings.training
        seen = [each for each in instances if each.split == "training"]
        self._encoded = Encoded.of(seen, settings.data, device)
        self._dynamics = Dynamics(
            instances,
            Encoded.of(instances, settings.data, device),
            neighbours=training.neighbours,
            seed=settings.seed,
            tsne=training.tsne,
        )
        torch.manual_seed(settings.seed)
        self._model: GPT2LMHeadModel = new_model(settings.data, training)
        self._model.to(device)  # type: ignore[arg-type]  # transformers mistypes its self
        self._optimiser = torch.optim.AdamW(self._model.parameters(), lr=training.rate, fused=True)
        self._steps_of_epoch = -(-len(seen) // training.batch)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            self._optimiser, T_max=training.epochs * self._steps_of_epoch
        )
        self._curves = Curves()

    def go_on(self, report: Report | None, seconds: float) -> None:
        """Train and measure all remaining epochs."""
        settings = self._settings.training
        done = self._load()
        if done is None:
            self._measure(0)
            done = 0
        saved = time.monotonic()
        for epoch in range(done + 1, settings.epochs + 1):
            self._learn(epoch, report)
            if settings.evaluates(epoch):
                self._measure(epoch)
            if time.monotonic() - saved >= seconds or epoch == settings.epochs:
                self._save(epoch)
                saved = time.monotonic()

    def _learn(self, epoch: int, report: Report | None) -> None:
        settings = self._settings.training
        torch.manual_seed((self._settings.seed << 32) + epoch)
        self._model.train()
        total = 0.0
        for number, batch in enumerate(shuffled(self._encoded, settings.batch), start=1):
            loss = loss_of(self._model, batch, settings.learned)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), settings.gradient_norm)
            self._optimiser.step()
            self._schedule.step()
            self._optimiser.zero_grad()
            total += float(loss.detach())
            if report is not None:
                steps = self._steps_of_epoch
                step = (epoch - 1) * steps + number
                last = self._curves.accuracies[-1].accuracy
                report(
                    Progress(
                        epoch, settings.epochs, step, settings.epochs * steps, total / number, last
                    )
                )

    def _measure(self, epoch: int) -> None:
        curves, maps = self._dynamics.measure(self._model, epoch)
        self._curves.add(curves)
        self._curves.write(self._folder)
        path = run_folder.map_path(self._folder, epoch)
        path.parent.mkdir(exist_ok=True)
        with run_folder.replacing(path) as stream:
            np.save(stream, maps)

    def _save(self, epoch: int) -> None:
        save_checkpoint(
            self._folder,
            {
                "epoch": epoch,
                "model": self._model.state_dict(),
                "optimiser": self._optimiser.state_dict(),
                "schedule": self._schedule.state_dict(),
            },
        )

    def _load(self) -> int | None:
        """Load the last checkpoint and return its epoch; None if there is none."""
        state = load_checkpoint(self._folder, self._device)
        if state is None:
            return None
        self._model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])
        epoch: int = state["epoch"]
        # Rows of later epochs were written before the interruption and will be written again.
        self._curves = Curves.read(self._folder).until(epoch)
        if not self._curves.accuracies:
            raise problem(
                "input",
                f"What was measured in {self._folder} is gone.",
                f"It has a checkpoint of epoch {epoch}, but no rows up to there.",
                f"Remove {run_folder.CHECKPOINT_NAME} to train from the beginning.",
            )
        return epoch


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Replace the checkpoint of a run; raises OSError if it cannot be written."""
    with replacing(folder / CHECKPOINT_NAME) as stream:
        torch.save(state, stream)


def load_checkpoint(folder: Path, device: torch.device) -> dict[str, Any] | None:
    """The checkpoint, or None; raises ProblemError, ``storage``, if it cannot be read."""
    path = folder / CHECKPOINT_NAME
    if not path.exists():
        return None
    try:
        # Tensors and plain values only: nothing in the file is run.
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch, zipfile and pickle each have their own
        raise problem(
            "storage",
            f"{path} cannot be read.",
            f"{type(error).__name__}: {error}".partition("\n")[0],
            "Remove it to train from the beginning.",
        ) from None
    return state
