"""Files are whole or as they were, and what could not be written is known before."""

from __future__ import annotations

import os
import re
import stat
import threading
from pathlib import Path

import pytest

from analysis.files.writing import check_file, check_folder, whole_file
from tests.support import children


def write(path: Path, text: str = "new") -> None:
    with whole_file(path) as stream:
        stream.write(text)


def test_the_text_takes_the_place_of_what_was_there(tmp_path):
    path = tmp_path / "a.csv"
    for text in ("first\r\n", "\ufeffé"):
        write(path, text)
        assert path.read_bytes() == text.encode()
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("before", [{"a.csv": "dear"}, {}])
def test_what_breaks_off_changes_nothing_and_leaves_nothing(tmp_path, before):
    for name, text in before.items():
        (tmp_path / name).write_text(text)

    def fail() -> None:
        with whole_file(tmp_path / "a.csv") as stream:
            stream.write("half")
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        fail()
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == before


def test_an_older_file_stays_until_all_is_written(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("dear")
    with whole_file(path) as stream:
        stream.write("new" * 100_000)
        stream.flush()
        assert path.read_text() == "dear"
    assert len(path.read_text()) == 300_000


def test_rights_are_those_of_the_older_file_or_of_any_new_one(tmp_path):
    old, new, other = tmp_path / "old", tmp_path / "new", tmp_path / "other"
    old.write_text("")
    old.chmod(0o640)
    other.write_text("")
    write(old)
    write(new)
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert stat.S_IMODE(new.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


def test_a_link_stays_one(tmp_path):
    (tmp_path / "real").mkdir()
    file, link = tmp_path / "real" / "a.csv", tmp_path / "link.csv"
    link.symlink_to(file)
    for text in ("one", "two"):
        check_file(link)
        write(link, text)
        assert link.is_symlink()
        assert file.read_text() == text


def test_a_pipe_gets_the_text_as_it_comes(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check_file(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write(pipe)
    reader.join(60)
    assert read == ["new"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_the_null_device_is_written_to_and_stays():
    null = Path(os.devnull)
    check_file(null)
    write(null)
    assert stat.S_ISCHR(null.stat().st_mode)


WHY = re.compile("directory|symbolic links|too long|denied|not permitted", re.IGNORECASE)

# Places where nothing can be written, whoever tries.
NOWHERE = {
    "a file in the way": "file/x",
    "a link to nowhere": "dangling",
    "links in a circle": "loop",
    "a name that is too long": "x" * 300,
    "no file system for it": "/proc/insttui-x",
}


@pytest.mark.parametrize("case", NOWHERE)
@pytest.mark.parametrize("check", [check_file, check_folder])
def test_where_nothing_can_be_written_is_known_before(tmp_path, check, case):
    (tmp_path / "file").write_text("dear")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere" / "x")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    place = tmp_path / NOWHERE[case]
    before = sorted(tmp_path.rglob("*"))
    # Nor can a folder be a file, or a file be in a folder that is not there.
    for path in (place, *(tmp_path, tmp_path / "missing" / "a.csv") * (check is check_file)):
        with pytest.raises(OSError, match=WHY):
            check(path)
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(OSError, match=WHY):
        write(place / "x" if check is check_folder else place)


def test_checking_makes_nothing_and_changes_no_file(tmp_path):
    for place in ("", "new", "new/er/still"):
        check_folder(tmp_path / place)
    path = tmp_path / "a.csv"
    check_file(path)
    assert list(tmp_path.iterdir()) == []
    path.write_text("dear")
    when = path.stat().st_mtime_ns
    check_file(path)
    assert (path.read_text(), path.stat().st_mtime_ns) == ("dear", when)


IMPORTS = """
import sys
from pathlib import Path
from analysis.files.writing import check_file, check_folder, whole_file
folder = Path(sys.argv[1])
"""
TRY_ALL = """
for check, place in ((check_file, "new.csv"), (check_file, "theirs.csv"), (check_folder, "new")):
    try:
        check(folder / place)
    except OSError as error:
        print(check.__name__, place, error.strerror)
"""


def refused(why: str) -> list[str]:
    """What `TRY_ALL` prints where nothing can be written."""
    return [f"check_{each} {why}" for each in ("file new.csv", "file theirs.csv", "folder new")]


def test_a_user_without_the_right_is_refused_and_a_file_of_their_own_is_not():
    """In a folder where they may make nothing, they may still write to what is theirs."""
    code = """
check_file(folder / "own.csv")
try:
    with whole_file(folder / "own.csv") as stream:
        stream.write("half")
        raise ValueError
except ValueError:
    print((folder / "own.csv").read_text())
with whole_file(folder / "own.csv") as stream:
    stream.write("new")
print((folder / "own.csv").read_text(), sorted(each.name for each in folder.iterdir()))
"""
    with children.public_folder() as folder:
        (folder / "own.csv").write_text("dear")
        (folder / "own.csv").chmod(0o666)
        (folder / "theirs.csv").write_text("theirs")
        (folder / "theirs.csv").chmod(0o444)
        folder.chmod(0o555)
        said = children.run(IMPORTS + children.DROP_PRIVILEGES + TRY_ALL + code, folder)
        folder.chmod(0o755)
    expected = [*refused("Permission denied"), "dear", "new ['own.csv', 'theirs.csv']"]
    assert said.splitlines() == expected


def test_a_read_only_disk_is_known_before(tmp_path):
    within = children.read_only_disk(tmp_path)
    if within is None:
        pytest.skip("this user cannot mount a read-only disk here")
    (tmp_path / "theirs.csv").write_text("dear")
    said = children.run(IMPORTS + TRY_ALL, tmp_path, within=within).splitlines()
    assert said == refused("Read-only file system")
