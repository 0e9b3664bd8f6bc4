"""A user's tasks are read from TOML and JSON lines, and what is wrong is said by name."""

from __future__ import annotations

import json

import pytest

from analysis.clustering.tasks.reading import LARGEST_FILE, task_set_from_file
from analysis.clustering.tasks.task_set import ClusterTask, prompt_of
from analysis.problems import ProblemError

TOML = """
[[task]]
name = "french-english"
category = "translation"
phrasings = ["Translate into English.", "In English, {input}"]
mappings = [["chat", "cat"], ["chien", "dog"]]

[[task]]
name = "反义词"
phrasings = ["这个词的反义词是什么？"]
mappings = [["大", "小"]]
"""
PHRASINGS = ("Translate into English.", "In English, {input}")
TASKS = (
    ClusterTask("french-english", PHRASINGS, (("chat", "cat"), ("chien", "dog")), "translation"),
    ClusterTask("反义词", ("这个词的反义词是什么？",), (("大", "小"),)),
)


@pytest.fixture
def read(tmp_path):
    def reading(text, name="tasks.toml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return task_set_from_file(path)

    return reading


def task(**fields):
    plain = {"name": "a", "phrasings": ["Do it."], "mappings": [["x", "y"]]}
    return json.dumps({**plain, **fields})


def test_tasks_are_read_from_toml(read):
    found = read(TOML)
    assert (found.name, found.tasks, found.notes) == ("tasks.toml", TASKS, ())


def test_tasks_are_read_from_json_lines(read):
    second = task(name="b", mappings=[["x", "y"], ["z", "y"]], other=3)
    lines = [task(name="a", category="c"), "", second]
    found = read("\ufeff" + "\n".join(lines), "tasks.jsonl")
    assert [each.name for each in found.tasks] == ["a", "b"]
    assert [each.identity for each in found.tasks] == ["c", "b"]


def test_the_input_comes_last():
    assert prompt_of("In English, {input}", "chat") == "In English, chat"
    assert prompt_of("Translate.", "chat") == "Translate.\nchat"


def test_what_is_there_twice_is_left_out_and_said(read):
    lines = task(phrasings=["Do it.", "Do it. ", " "], mappings=[["x", "y"], ["x", " y"]])
    found = read(lines, "tasks.jsonl")
    assert found.tasks == (ClusterTask("a", ("Do it.",), (("x", "y"),)),)
    assert found.notes == (
        "a: 2 phrasings left out, empty or there twice.",
        "a: 1 mapping left out, empty or there twice.",
    )


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (task(mappings=[["x", "y"], ["x", "z"]]), "maps 'x' to 'y' and to 'z'"),
        (task(mappings=[["x", ""]]), "a mapping of the task 'a' has an empty side"),
        (task(mappings=[]), "'a' has no mappings"),
        (task(phrasings=[" "]), "'a' has no phrasings"),
        (task(name=" "), "a task has no name"),
        (task(phrasings=["What is {input}?"]), "continues after its input: 'What is {input}"),
        (task() + "\n" + task(), "the task 'a' occurs twice"),
        (task() + "\n{", "line 2: "),
        (task(mappings=["xy"]), "mappings"),
        ('{"name": "a"}', "phrasings"),
        ("", "no task in it"),
        (b"\xff\xff", "line 1: "),
    ],
)
def test_what_is_wrong_with_json_lines_is_said(read, lines, words):
    with pytest.raises(ProblemError, match="(?i)" + words.replace("?", r"\?")) as caught:
        read(lines, "tasks.jsonl")
    assert caught.value.problem.kind == "input"
    assert caught.value.problem.remedy


@pytest.mark.parametrize("text", ["[[task]", "task = 3", "", b"\xff", "[[task]]\nname = 3"])
def test_what_is_no_toml_of_tasks_is_refused(read, text):
    with pytest.raises(ProblemError, match="cannot be used as tasks") as caught:
        read(text)
    assert caught.value.problem.kind == "input"


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(ProblemError, match=r"cannot be read\. No such file") as caught:
        task_set_from_file(tmp_path / "none.toml")
    assert caught.value.problem.kind == "storage"


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "huge.toml"
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(ProblemError, match="larger than 10 MB"):
        task_set_from_file(path)
