"""Prompt sets: what a file may hold, and what is said of a line that cannot be used."""

import codecs
import json

import pytest

from analysis.demo import catalog
from analysis.problems import ProblemError
from analysis.saliency.cases.instructions import guess_instructions
from analysis.saliency.cases.prompt_lines import Columns
from analysis.saliency.cases.prompt_sets import demo_prompts, read_prompt_set

PROMPT = "Name a letter.\nInput: x"


@pytest.fixture
def write(tmp_path):
    """Writes a file and returns its path."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def json_lines(*entries):
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)


def refused(path, *wanted, columns=None, bad_lines="refuse"):
    with pytest.raises(ProblemError) as raised:
        read_prompt_set(path, columns, bad_lines=bad_lines)
    assert raised.value.problem.kind == "input"
    for words in wanted:
        assert words in str(raised.value)


def test_a_line_gives_its_id_dataset_rating_reference_and_marked_instructions(write):
    line = {"id": 7, "prompt": PROMPT, "instruction_spans": ["Name a letter."]}
    line |= {"dataset": "letters", "rating": 3, "reference": "x", "more": [1]}
    (found,) = read_prompt_set(write("set.jsonl", json_lines(line))).prompts
    assert (found.id, found.dataset, found.rating, found.reference) == ("7", "letters", 3.0, "x")
    assert found.instruction == ((0, 14),)
    assert not found.guessed


def test_without_them_the_line_names_it_the_file_is_its_dataset_and_instructions_are_guessed(write):
    found = read_prompt_set(write("letters.jsonl", "\n" + json_lines({"prompt": PROMPT})))
    (prompt,) = found.prompts
    assert (prompt.id, prompt.dataset, prompt.rating) == ("2", "letters", None)
    assert prompt.instruction == tuple(guess_instructions(PROMPT))
    assert prompt.guessed
    assert found.guessed == 1


@pytest.mark.parametrize(("name", "delimiter"), [("set.csv", ","), ("set.tsv", "\t")])
def test_tables_hold_the_same_as_json_lines(write, name, delimiter):
    rows = [
        ["id", "prompt", "instruction_spans", "rating"],
        ["a", '"Say ""hi"".\nInput: b"', '"[""Say \\""hi\\"".""]"', "2.5"],
        ["", "Go on.", "Go", ""],
    ]
    text = "\r\n".join(delimiter.join(row) for row in rows) + "\r\n"
    first, second = read_prompt_set(write(name, codecs.BOM_UTF8 + text.encode())).prompts
    assert (first.id, first.prompt, first.rating) == ("a", 'Say "hi".\nInput: b', 2.5)
    assert first.instruction == ((0, 9),)
    assert not first.guessed
    # The first prompt takes two lines of the file.
    assert (second.id, second.prompt, second.instruction) == ("4", "Go on.", ((0, 2),))


def test_columns_may_have_other_names(write):
    line = {"question": PROMPT, "source": "s", "score": "0", "gold": "y", "name": "n"}
    columns = Columns("question", dataset="source", rating="score", reference="gold", id="name")
    (found,) = read_prompt_set(write("set.jsonl", json_lines(line)), columns).prompts
    assert (found.prompt, found.dataset, found.rating) == (PROMPT, "s", None)
    assert (found.reference, found.id) == ("y", "n")


def test_the_same_words_twice_are_two_places(write):
    line = {"prompt": "Go. Then: Go.", "instruction_spans": ["Go.", "Go."]}
    (found,) = read_prompt_set(write("set.jsonl", json_lines(line))).prompts
    assert found.instruction == ((0, 3), (10, 13))


NO_TEXTS = ("7", "1.5", "NaN", "true", "null", '["a"]', '{"a": "b"}')


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "it is no JSON"),
        ("[1]", "it is no JSON object"),
        ('{"id": "b"}', "'prompt' is empty"),
        ('{"prompt": "  "}', "'prompt' is empty"),
        *((f'{{"prompt": {each}}}', "the prompt is no text") for each in NO_TEXTS),
        ('{"prompt": "a", "reference": ["b"]}', "'reference' is no text"),
        ('{"prompt": "a\\u0000"}', "NUL"),
        ('{"prompt": "a\\ud800"}', "not UTF-8"),
        ('{"prompt": "a", "rating": "good"}', "'rating' is no number"),
        ('{"prompt": "a", "rating": NaN}', "'rating' is no number"),
        ('{"prompt": "a", "instruction_spans": ["b"]}', "'b' does not occur in the prompt"),
        ('{"prompt": "a", "instruction_spans": 3}', "neither a text nor a list"),
        ('{"prompt": "a", "id": "one"}', "the id 'one' is that of line 1"),
        ("[" * 100_000, "it is no JSON"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_refused_or_skipped(write, line, why):
    good = '{"id": "one", "prompt": "Go."}\n'
    path = write("set.jsonl", f"{good}\n{line}\n" + good.replace("one", "two"))
    refused(path, "A line of", "Line 3: ", why, "--bad-lines skip")
    found = read_prompt_set(path, bad_lines="skip")
    assert [each.id for each in found.prompts] == ["one", "two"]
    assert len(found.skipped) == 1
    assert found.skipped[0].startswith("line 3: ")
    assert why in found.skipped[0]


def test_bytes_that_are_no_utf_8_are_found_in_their_line(write):
    path = write("set.csv", b"prompt\nGo.\ncaf\xe9\n")
    refused(path, "Line 3: 'prompt' is not UTF-8 text")
    assert len(read_prompt_set(path, bad_lines="skip").prompts) == 1
    refused(write("wide.csv", "prompt\nGo.\n".encode("utf-16")[:-1]), "broken", "UTF-8")


def test_a_row_of_another_width_or_with_a_broken_quotation_is_named(write):
    path = write("set.csv", 'id,prompt\na,Go.\nb,Go,on\nc,"x"y\nd,Stop.\n')
    refused(path, "2 lines of", "Line 3: it has 3 columns, the first line 2", "line 4: ")
    found = read_prompt_set(path, bad_lines="skip")
    assert [each.id for each in found.prompts] == ["a", "d"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("set.csv", "id,question\na,b\n"), ("set.jsonl", '{"id": "a", "question": "b"}\n')],
)
def test_a_missing_column_is_said_with_those_that_are_there(write, name, content):
    path = write(name, content)
    for bad_lines in ("refuse", "skip"):
        refused(path, "no column 'prompt'", "'id', 'question'", "--columns", bad_lines=bad_lines)
    refused(path, "no column 'source'", columns=Columns(prompt="question", dataset="source"))


@pytest.mark.parametrize("name", ["set.csv", "set.tsv", "set.jsonl"])
def test_an_empty_set_is_refused_and_one_of_unusable_lines_says_why(write, name):
    for content in ("", "\n \n", *(["prompt\n"] if name != "set.jsonl" else [])):
        refused(write(name, content), "There is no prompt in")
    refused(write("set.jsonl", "{\n"), "There is no prompt", "line 1", bad_lines="skip")


def test_a_file_that_is_not_there_or_of_an_unknown_kind_is_refused(write, tmp_path):
    refused(tmp_path / "none.jsonl", "cannot be read", "No such file")
    refused(write("set.txt", "a"), "is no prompt set", ".jsonl", ".csv", ".tsv")
    refused(tmp_path, "cannot be read")


def test_the_digest_follows_the_content(write):
    first, second = (
        read_prompt_set(write("set.jsonl", json_lines({"prompt": text}))) for text in ("a", "b")
    )
    again = read_prompt_set(write("other.jsonl", json_lines({"prompt": "b"})))
    assert first.digest != second.digest == again.digest


def test_the_demos_prompts_are_the_first_four_of_every_task_with_marked_instructions():
    found = demo_prompts()
    tasks = {each.task for each in catalog.held_out_phrasings()}
    assert len(found.prompts) == 4 * len(tasks)
    assert found.guessed == 0
    assert len({each.id for each in found.prompts}) == len(found.prompts)
    assert all(each.references[0] == each.reference != "" for each in found.prompts)
    for each in found.prompts:
        assert each.instruction
        assert all(each.prompt[start:end].strip() for start, end in each.instruction)
