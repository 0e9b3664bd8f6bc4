"""Every file that a user may write by hand, as editors and shells save it."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.clustering.tasks.reading import task_set_from_file
from analysis.concepts.annotation.answer_file import AnswerFile
from analysis.concepts.annotation.completer import Completion
from analysis.concepts.annotation.templates import load_templates
from analysis.files.text import utf8
from analysis.neurons.instructions.reading import instructions_from_file
from analysis.problems import ProblemError
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.cases.prompt_sets import read_prompt_set
from analysis.words.vector_files import read_vectors
from analysis.words.words import words_from_file
from app.config import load_settings
from tests.support.case_folders import write_small_library

TEXT = "été\nzwei\n"
AS_SAVED: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "UTF-8 with its mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "UTF-16": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "UTF-16, high byte first": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-32": lambda text: codecs.BOM_UTF32_LE + text.encode("utf-32-le"),
}
BYTE_WISE = {"plain": AS_SAVED["plain"], "UTF-8 with its mark": AS_SAVED["UTF-8 with its mark"]}

INSTRUCTION = {"id": "1", "category": "math", "instruction": "Add é.", "response": "5"}
TASK = 'name = "é"\nphrasings = ["In English"]\nmappings = [["chat", "cat"]]\n'
OURS = Path(__file__).parents[4] / "analysis" / "concepts" / "annotation" / "templates.toml"


def _settings(path: Path) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INSTTUI_CONFIG", str(path))
        return load_settings()


def _prompts(path: Path) -> object:
    return read_prompt_set(path).prompts


def _tasks(path: Path) -> object:
    return task_set_from_file(path).tasks


# What the file is called, what stands in it, and what is read from it.
READERS: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "words": ("list.txt", "tree\t3\nété\t5\n", lambda path: words_from_file(path).words),
    "prompts as a table": ("set.csv", "prompt,id\nGo é.,a\nStop.,b\n", _prompts),
    "prompts with tabs": ("set.tsv", "prompt\tid\nGo é.\ta\n", _prompts),
    "prompts as JSON lines": ("set.jsonl", '{"prompt": "Go é."}\n{"prompt": "Stop."}\n', _prompts),
    "instructions": (
        "own.jsonl",
        f"{json.dumps(INSTRUCTION, ensure_ascii=False)}\n\n",
        lambda path: instructions_from_file(path).instructions,
    ),
    "tasks": ("tasks.toml", f"[[task]]\n{TASK}", _tasks),
    "tasks as JSON lines": (
        "tasks.jsonl",
        '{"name": "é", "phrasings": ["In English"], "mappings": [["chat", "cat"]]}\n',
        _tasks,
    ),
    "templates": ("templates.toml", OURS.read_text("utf-8"), load_templates),
    "settings": ("config.toml", 'theme = "nord"\n[aliases]\nmine = "é"\n', _settings),
}


@pytest.mark.parametrize("saved", AS_SAVED)
def test_the_text_is_the_same_however_it_is_encoded(saved):
    assert utf8(AS_SAVED[saved](TEXT)) == TEXT.encode()


def test_what_is_marked_as_utf_16_and_is_not_that_is_an_error():
    with pytest.raises(UnicodeDecodeError):
        utf8(codecs.BOM_UTF16_LE + b"odd")


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["LF", "CR LF"])
@pytest.mark.parametrize("saved", AS_SAVED)
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_reads_the_same_however_the_file_was_saved(tmp_path, reader, saved, ends):
    name, text, read = READERS[reader]
    plain, other = tmp_path / "plain" / name, tmp_path / "other" / name
    as_saved = AS_SAVED[saved](text.replace("\n", ends))
    for path, content in ((plain, text.encode()), (other, as_saved)):
        path.parent.mkdir()
        path.write_bytes(content)
    assert read(other) == read(plain)


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_breaks_off_within_a_character_is_refused_in_words(tmp_path, reader):
    name, text, read = READERS[reader]
    path = tmp_path / name
    path.write_bytes(AS_SAVED["UTF-16"](text)[:-1])
    with pytest.raises(ProblemError, match=name):
        read(path)


@pytest.mark.parametrize("saved", BYTE_WISE)
def test_vectors_begin_behind_the_mark(tmp_path, saved):
    path = tmp_path / "vectors.txt"
    path.write_bytes(BYTE_WISE[saved]("the 1 2\r\nété 3 4\r\n"))
    ((words, _),) = read_vectors(path)
    assert words == ["the", "été"]


def test_vectors_in_utf_16_are_refused_with_the_command_that_converts_them(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_bytes(AS_SAVED["UTF-16"]("the 1 2\n"))
    with pytest.raises(ProblemError, match=r"It is UTF-16\. Convert it: iconv"):
        list(read_vectors(path))


def test_an_answer_file_that_an_editor_has_saved_keeps_its_answers(tmp_path):
    answers = AnswerFile(tmp_path / "answers")
    with answers.writing():
        for key in "ab":
            answers.put(key, Completion("names"))
    content = answers.path.read_bytes()
    answers.path.write_bytes(codecs.BOM_UTF8 + content.replace(b"\n", b"\r\n"))
    again = AnswerFile(answers.path)
    assert (len(again), again.damaged) == (2, 0)
    # And more can be written behind them.
    with again.writing():
        again.put("c", Completion("more"))
    assert len(AnswerFile(answers.path)) == 3


def test_a_case_library_that_another_program_wrote_is_read(tmp_path):
    folder = write_small_library(tmp_path / "cases")
    for path in folder.glob("*.jsonl"):
        path.write_bytes(codecs.BOM_UTF8 + path.read_bytes().replace(b"\n", b"\r\n"))
    library = CaseLibrary.open(folder)
    assert [case.id for case in library.cases] == ["one", "two"]
    assert library.text("one").prompt_tokens.ids
    assert library.map("two", "apt").scores.shape
    library.close()


def test_a_case_library_in_utf_16_is_refused_in_words(tmp_path):
    folder = write_small_library(tmp_path / "cases")
    path = folder / "cases.jsonl"
    path.write_bytes(path.read_text("utf-8").encode("utf-16"))
    with pytest.raises(ProblemError, match="It is UTF-16, and should be UTF-8"):
        CaseLibrary.open(folder)
