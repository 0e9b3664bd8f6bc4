"""Looking for training runs in folders."""

from __future__ import annotations

from pathlib import Path

import msgspec

from analysis.clustering.run_list import ListedRun, runs_in
from analysis.clustering.training import run_folder
from analysis.clustering.training.curves import Curves, NeighbourRow
from tests.support.scripted_clusters import TINY


def write_run(folder: Path, *epochs: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / run_folder.SETTINGS_NAME).write_bytes(msgspec.json.encode(TINY))
    Curves(neighbours=[NeighbourRow(epoch, 0, 5, 0.5, 0.5) for epoch in epochs]).write(folder)


def test_runs_are_found_in_a_folder_and_two_levels_below(tmp_path: Path) -> None:
    write_run(tmp_path / "deep" / "b", 0, 2)
    write_run(tmp_path / "deep" / "below" / "too deep", 0)
    write_run(tmp_path / "a")
    assert runs_in(tmp_path) == [
        ListedRun(tmp_path / "a", TINY, None),
        ListedRun(tmp_path / "deep" / "b", TINY, 2),
    ]
    assert [run.folder for run in runs_in(tmp_path / "a")] == [tmp_path / "a"]
    assert runs_in(tmp_path / "nowhere") == []


def test_what_is_no_run_is_passed_over(tmp_path: Path) -> None:
    write_run(tmp_path / ".hidden")
    for name, content in (("other", b'{"preset": 3}'), ("text", b"run"), ("bytes", b"\xff")):
        (tmp_path / name).mkdir()
        (tmp_path / name / run_folder.SETTINGS_NAME).write_bytes(content)
    write_run(tmp_path / "broken")
    (tmp_path / "broken" / run_folder.NEIGHBOURS_NAME).write_text("epoch\n")
    assert runs_in(tmp_path) == []


def test_a_loop_of_links_and_too_many_folders_come_to_an_end(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    write_run(tmp_path / "run", 0)
    assert tmp_path / "run" in [run.folder for run in runs_in(tmp_path)]
    monkeypatch.setattr("analysis.clustering.run_list._MOST_FOLDERS", 2)
    assert tmp_path / "run" not in [run.folder for run in runs_in(tmp_path)]
