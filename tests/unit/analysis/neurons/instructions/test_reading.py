"""Instructions from a user's JSON lines."""

from __future__ import annotations

import json

import pytest

from analysis.neurons.instructions import Instruction, instructions_from_file
from analysis.problems import ProblemError

GOOD = {"id": "a", "category": "math", "instruction": "Add.", "input": "2 and 3", "response": "5"}


def line(**changes) -> str:
    whole = GOOD | changes
    return json.dumps({name: value for name, value in whole.items() if value is not None})


def written(tmp_path, *lines, encoding="utf-8"):
    path = tmp_path / "mine.jsonl"
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


def problem_of(path, **options):
    with pytest.raises(ProblemError) as caught:
        instructions_from_file(path, **options)
    return caught.value.problem


def test_lines_become_instructions_in_their_order(tmp_path):
    second = line(id="b", category="riddles", input=None, instruction="Guess.\nWho?", more=[1])
    found = instructions_from_file(written(tmp_path, line(), "", second, "   "))
    assert found.name == "mine.jsonl"
    assert found.instructions == (
        Instruction("a", "math", "Add.", "2 and 3", "5"),
        Instruction("b", "riddles", "Guess.\nWho?", "", "5"),
    )
    assert found.notes == ()


def test_a_byte_order_mark_and_white_space_around_names_are_no_part_of_them(tmp_path):
    path = written(tmp_path, line(id=" a ", category="math "), encoding="utf-8-sig")
    assert instructions_from_file(path).instructions[0] == Instruction(*GOOD.values())


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("{", "line 2: "),
        ("[]", "line 2: "),
        ('"text"', "line 2: "),
        (line(id=None), "line 2: Object missing required field `id`"),
        (line(id="b", response=None), "line 2: Object missing required field `response`"),
        (line(id="b", category=3), "line 2: Expected `str`, got `int` - at `$.category`"),
        (line(id="b", instruction=" \n"), "line 2: its instruction is empty"),
        (line(id="b", category=""), "line 2: its category is empty"),
        (line(), "line 2: its id 'a' is that of line 1"),
    ],
)
def test_a_malformed_line_is_named_by_its_number_or_skipped(tmp_path, bad, said):
    path = written(tmp_path, line(), bad, line(id="c"))
    found = problem_of(path)
    assert found.kind == "input"
    assert found.why.startswith(said)
    skipped = instructions_from_file(path, skip_malformed=True)
    assert [each.id for each in skipped.instructions] == ["a", "c"]
    assert skipped.notes[0].startswith("1 line is left out: " + said)


def test_of_many_malformed_lines_the_first_are_named(tmp_path):
    why = problem_of(written(tmp_path, *(["{"] * 9), line())).why
    assert "line 5: " in why
    assert "line 6: " not in why
    assert why.endswith("; and 4 more.")


def test_bytes_that_are_no_text_are_a_malformed_line(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_bytes(line().encode() + b"\n" + line(id="b").encode().replace(b"Add", b"A\xffd"))
    assert "line 2: " in problem_of(path).why
    assert len(instructions_from_file(path, skip_malformed=True)) == 1


@pytest.mark.parametrize("lines", [(), ("", "  "), ("{", "}")])
def test_a_file_without_any_instruction_is_refused(tmp_path, lines):
    assert problem_of(written(tmp_path, *lines), skip_malformed=True).kind == "input"


def test_a_file_that_is_not_there_is_said(tmp_path):
    assert problem_of(tmp_path / "none.jsonl").kind == "storage"
    assert problem_of(tmp_path).kind == "storage"


def test_a_category_with_more_instructions_than_can_be_counted_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.neurons.instructions.reading.LARGEST_CATEGORY", 2)
    line = '{{"id": "{}", "category": "math", "instruction": "Add.", "response": "5"}}\n'
    file = tmp_path / "many.jsonl"
    file.write_text("".join(line.format(n) for n in range(2)))
    assert len(instructions_from_file(file)) == 2
    file.write_text("".join(line.format(n) for n in range(3)))
    with pytest.raises(ProblemError, match=r"3 instructions are of the category 'math'"):
        instructions_from_file(file)
