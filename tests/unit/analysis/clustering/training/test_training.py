"""Runs: what the model sees, what is measured, and that an ended run goes on as if it had not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from analysis.clustering.compute.measures import cluster_scores, neighbour_scores
from analysis.clustering.runs import open_run
from analysis.clustering.training.dynamics import Dynamics
from analysis.clustering.training.generator import generate
from analysis.clustering.training.model import Encoded, loss_of, new_model, read, shuffled
from analysis.clustering.training.run_folder import CHECKPOINT_NAME, held
from analysis.clustering.training.settings import PRESETS, Progress
from analysis.clustering.training.training import train_run
from analysis.problems import ProblemError
from tests.support.scripted_clusters import TINY

CPU = torch.device("cpu")
ONE_EPOCH = msgspec.structs.replace(TINY, training=msgspec.structs.replace(TINY.training, epochs=1))
INSTANCES = generate(TINY.data, TINY.seed)
FILES = ("run.json", "data.jsonl", "clusters.csv", "accuracy.csv", "neighbours.csv")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Steps this small only lose time waiting for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "undisturbed"
    train_run(folder, TINY, device="cpu")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """The bytes of all files that a reader sees, and the weights."""
    found = {name: (folder / name).read_bytes() for name in FILES}
    found |= {path.name: path.read_bytes() for path in sorted((folder / "maps").iterdir())}
    state = torch.load(folder / CHECKPOINT_NAME, weights_only=True)
    return found | {name: value.numpy().tobytes() for name, value in state["model"].items()}


@pytest.mark.parametrize(
    ("preset", "parameters"), [("paper-32", 55e3), ("paper-768", 23e6), ("paper-2048", 202e6)]
)
def test_the_models_have_the_papers_sizes(preset: str, parameters: float) -> None:
    with torch.device("meta"):
        model = new_model(*PRESETS[preset])
    assert model.num_parameters() == pytest.approx(parameters, rel=0.04)


def test_the_weights_start_as_wide_as_is_said() -> None:
    torch.manual_seed(0)
    model = new_model(TINY.data, msgspec.structs.replace(TINY.training, hidden=64, deviation=0.5))
    for weights in (model.transformer.wte.weight, model.transformer.h[0].mlp.c_fc.weight):
        assert float(weights.detach().std()) == pytest.approx(0.5, rel=0.1)


def test_every_instance_is_in_one_batch_with_its_ids() -> None:
    torch.manual_seed(0)
    encoded = Encoded.of(INSTANCES, TINY.data, CPU)
    batches = list(shuffled(encoded, 16))
    assert max(len(batch.last) for batch in batches) == 16
    rows = [
        (tuple(ids[: last + 1]), output)
        for batch in batches
        for ids, last, output in zip(
            batch.ids.tolist(), batch.last.tolist(), batch.outputs.tolist(), strict=True
        )
    ]
    index = "abcdefghijklmnopqrstuvwxyz123456789ABCDEFGH".index
    wanted = [
        (tuple(map(index, each.instruction + each.input)), index(each.output)) for each in INSTANCES
    ]
    assert sorted(rows) == sorted(wanted)


def test_states_and_loss_are_those_of_each_instance_alone() -> None:
    torch.manual_seed(0)
    model = new_model(TINY.data, TINY.training).eval()
    encoded = Encoded.of(INSTANCES, TINY.data, CPU)
    found = read(model, encoded)
    losses, of_sequences = [], []
    for row in range(0, len(INSTANCES), 7):
        ids = encoded.ids[row : row + 1, : len(INSTANCES[row].instruction) + 1]
        with torch.no_grad():
            alone = model(ids, output_hidden_states=True)
        states = np.stack([layer[0, -1].numpy() for layer in alone.hidden_states])
        np.testing.assert_allclose(found.states[:, row], states, atol=1e-5)
        log_probabilities = alone.logits[0, -1].double().log_softmax(0)
        output = int(encoded.outputs[row])
        losses.append(-float(log_probabilities[output]))
        every = alone.logits[0].double().log_softmax(1)
        of_sequences += [-float(every[at, token]) for at, token in enumerate(ids[0, 1:])]
        of_sequences.append(losses[-1])
        assert found.losses[row] == pytest.approx(losses[-1], abs=1e-4)
        assert found.correct[row] == (int(log_probabilities.argmax()) == output)
    chosen = encoded.batch(torch.arange(0, len(INSTANCES), 7))
    for learned, expected in (("output", losses), ("sequence", of_sequences)):
        loss = float(loss_of(model, chosen, learned).detach())
        assert loss == pytest.approx(np.mean(expected), abs=1e-4)


def test_the_rows_of_an_epoch_are_the_scores_of_its_states() -> None:
    torch.manual_seed(0)
    model = new_model(TINY.data, TINY.training)
    encoded = Encoded.of(INSTANCES, TINY.data, CPU)
    curves, maps = Dynamics(INSTANCES, encoded, neighbours=5, seed=1).measure(model, 7)
    states = read(model, encoded).states
    row = next(r for r in curves.clusters if r[:4] == (7, "validation", 2, "distribution"))
    unseen = [place for place, each in enumerate(INSTANCES) if each.split == "validation"]
    labels = np.array([INSTANCES[place].distribution for place in unseen])
    wanted = cluster_scores(states[2][unseen], labels, seed=1)
    assert row[4:] == (wanted.f1, wanted.pair_f1, wanted.ari, wanted.ami)
    seen = [place for place, each in enumerate(INSTANCES) if each.split == "training"]
    tasks = np.array([each.task for each in INSTANCES])
    outputs = np.array([each.output for each in INSTANCES])
    near = neighbour_scores(
        states[1][seen], tasks[seen], outputs[seen],
        states[1][unseen], tasks[unseen], outputs[unseen], k=5,
    )  # fmt: skip
    assert (near.share, near.accuracy) == curves.neighbours[1][3:]
    again, _ = Dynamics(INSTANCES, encoded, neighbours=5, seed=1, tsne=True).measure(model, 7)
    wanted = cluster_scores(states[2][unseen], labels, tsne=True, seed=1)
    row = again.clusters[curves.clusters.index(row)]
    assert row[4:] == (wanted.f1, wanted.pair_f1, wanted.ari, wanted.ami)
    assert again.neighbours == curves.neighbours
    assert len(curves.clusters) == 2 * 3 * 3
    assert maps.shape == (3, sum(each.evaluated for each in INSTANCES), 2)


def test_reports_count_the_steps_of_the_whole_run(tmp_path: Path) -> None:
    reports: list[Progress] = []
    train_run(tmp_path, ONE_EPOCH, device="cpu", report=reports.append)
    steps = -(-sum(each.split == "training" for each in INSTANCES) // 16)
    assert [report.step for report in reports] == list(range(1, steps + 1))
    assert all(report.steps == steps and report.epoch == 1 for report in reports)


class _EndedError(Exception):
    pass


@pytest.mark.parametrize(
    ("ends", "seconds"),
    [
        (lambda report: report.step == 1, 0),
        (lambda report: report.step == 30, 0),
        (lambda report: report.epoch == 4, 1e9),
    ],
    ids=["first step", "later step", "without a checkpoint"],
)
def test_a_run_that_was_ended_goes_on_as_if_it_had_not(ends, seconds, tmp_path, undisturbed):
    def end(report: Progress) -> None:
        if ends(report):
            raise _EndedError

    with pytest.raises(_EndedError):
        train_run(tmp_path, TINY, device="cpu", report=end, seconds_between_checkpoints=seconds)
    assert not open_run(tmp_path).finished
    if seconds:
        # Rows of these epochs are there, and are written once in the end.
        assert open_run(tmp_path).epochs == [0, 2]
        assert not (tmp_path / CHECKPOINT_NAME).exists()
    train_run(tmp_path, TINY, device="cpu")
    assert content(tmp_path) == content(undisturbed)


@pytest.mark.slow
def test_a_killed_process_goes_on_as_if_it_had_not_been(tmp_path: Path, undisturbed: Path) -> None:
    code = (
        "import sys, torch\n"
        "from pathlib import Path\n"
        "from analysis.clustering.training.training import train_run\n"
        "from tests.support.scripted_clusters import TINY\n"
        "torch.set_num_threads(1)\n"
        "def tell(report):\n"
        "    print(report.step, flush=True)\n"
        "    if report.step >= 24:\n"
        "        sys.stdin.read()  # however late the kill comes, it comes in the middle\n"
        "train_run(Path(sys.argv[1]), TINY, device='cpu', report=tell,"
        " seconds_between_checkpoints=0)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 20:
                os.kill(process.pid, signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    assert not open_run(tmp_path).finished
    train_run(tmp_path, TINY, device="cpu")
    assert content(tmp_path) == content(undisturbed)


def test_a_finished_run_has_learned_its_tasks_and_stays_as_it_is(undisturbed: Path) -> None:
    run, before = open_run(undisturbed), content(undisturbed)
    assert run.finished
    losses = [row.loss for row in run.curves.accuracies if row.split == "training"]
    assert losses[-1] < 0.85 * losses[0]
    reports: list[Progress] = []
    train_run(undisturbed, TINY, device="cpu", report=reports.append)
    assert content(undisturbed) == before
    assert not reports
    with pytest.raises(ProblemError, match="holds a run with other settings") as caught:
        train_run(undisturbed, msgspec.structs.replace(TINY, seed=4), device="cpu")
    assert caught.value.problem.kind == "input"


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ProblemError, match="not an empty folder"):
        train_run(tmp_path, TINY, device="cpu")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(ProblemError, match="is in use"):
        train_run(tmp_path, TINY, device="cpu")


def test_removed_rows_are_missed_and_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    train_run(tmp_path, ONE_EPOCH, device="cpu")
    rows = tmp_path / "accuracy.csv"
    rows.rename(tmp_path / "elsewhere")
    with pytest.raises(ProblemError, match="is gone"):
        train_run(tmp_path, ONE_EPOCH, device="cpu")
    (tmp_path / "elsewhere").rename(rows)
    path = tmp_path / CHECKPOINT_NAME
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ProblemError, match=r"checkpoint\.pt cannot be read"):
        train_run(tmp_path, ONE_EPOCH, device="cpu")
