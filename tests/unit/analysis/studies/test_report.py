"""A report says everything, breaks no Markdown, and is whole or not there."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from analysis.problems import ProblemError
from analysis.studies.findings import Figure, Findings, NamedTable, Series
from analysis.studies.placing import LISTING
from analysis.studies.report import LONGEST, MOST_ROWS, write_report
from analysis.table import Table

ROWS = [(number, number / 3, None, number % 2 == 0, f"w{number}|x") for number in range(60)]
TABLE = NamedTable(
    "cases",
    "Every case",
    Table(("case", "score", "none", "even", "in_words"), ROWS),
    note="Read it so.",
)
FIGURE = Figure("plot", "A plot", "layer", "angle", (Series("s", (0, 1), (1.0, None)),))


def findings(**changes):
    given = {
        "study": "heads",
        "title": "Heads of a|b",
        "statements": ("Nothing <b>differs</b>: p 0.5.", "_So_ it is."),
        "tables": (TABLE,),
        "parameters": {"seed": 7, "base": "demo`base"},
        "notes": ("A case was left out.\nIt had no\u202e end.",),
        **changes,
    }
    return Findings(**given)


def test_a_report_has_sentences_notes_parameters_and_versions(tmp_path):
    text = write_report(findings(), tmp_path).read_text()
    assert text.startswith("# Heads of a\\|b\n")
    assert "- Nothing \\<b\\>differs\\</b\\>: p 0.5." in text
    assert "- \\_So\\_ it is." in text
    assert "Read it so." in text
    assert "| seed | 7 |" in text
    assert "| base | demo\\`base |" in text
    for package in ("Python", "insttui", "torch", "transformers", "numpy"):
        assert re.search(rf"\| version of {package} \| [\w.+]+ \|", text), package
    # No text breaks out of its line.
    assert "left out.\\\\u000aIt had no\\\\u202e end." in text
    assert "\u202e" not in text


def test_a_long_table_is_cut_with_a_word_and_whole_beside_it(tmp_path):
    path = write_report(findings(), tmp_path)
    text = path.read_text()
    rows = [line for line in text.splitlines() if re.match(r"\| \d+ \|", line)]
    assert len(rows) == MOST_ROWS
    assert rows[1] == "| 1 | 0.3333 |  | no | w1\\|x |"
    assert f"The first {MOST_ROWS} of 60 rows; all are in [cases.csv](cases.csv)." in text
    with (path.parent / "cases.csv").open(newline="") as stream:
        found = list(csv.reader(stream))
    assert len(found) == 61
    assert float(found[2][1]) == 1 / 3


def test_a_long_text_is_cut_with_a_word_and_whole_beside_it(tmp_path):
    words = " ".join(f"w{number}" for number in range(LONGEST))
    table = NamedTable("words", "Words", Table(("words",), [(words,), ("short",)]))
    path = write_report(findings(tables=(table,)), tmp_path)
    text = path.read_text()
    (line,) = [each for each in text.splitlines() if each.startswith("| w0 ")]
    assert line.endswith(" … |")
    assert line[2:-4] in words
    assert LONGEST - 10 < len(line) < LONGEST + 10
    assert "Unrounded, and uncut: [words.csv](words.csv)." in text
    assert words in (path.parent / "words.csv").read_text()


@pytest.mark.parametrize(
    ("statement", "tested"),
    [("It grows, p 0.012.", True), ("It falls: p < 0.0001.", True), ("It stands still.", False)],
)
def test_what_p_values_leave_out_is_said_where_there_are_some(tmp_path, statement, tested):
    text = write_report(findings(statements=(statement,)), tmp_path).read_text()
    assert ("The family of tests is all of this report" in text) == tested


def test_studies_lie_side_by_side_and_are_replaced_by_their_like(tmp_path):
    write_report(findings(study="density"), tmp_path)
    write_report(findings(), tmp_path)
    path = write_report(findings(title="Again"), tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["density", "heads"]
    assert path == tmp_path / "heads" / "report.md"
    assert path.read_text().startswith("# Again\n")


def test_a_crash_leaves_the_earlier_report_and_nothing_else(tmp_path):
    path = write_report(findings(), tmp_path)
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}

    class Rows:
        def __iter__(self):
            yield (1,)
            raise RuntimeError("in the middle of a table")

    tables = (TABLE, NamedTable("more", "More", Table(("a",), Rows())))
    with pytest.raises(RuntimeError):
        write_report(findings(title="New", tables=tables), tmp_path)
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before
    assert [each.name for each in tmp_path.iterdir()] == ["heads"]


def test_the_report_comes_after_all_that_it_links_to(tmp_path, monkeypatch):
    replaced = []
    replace = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda path, to: (replaced.append(path.name), replace(path, to))[1]
    )
    text = write_report(findings(figures=(FIGURE,)), tmp_path).read_text()
    moved = [name for name in replaced if name != LISTING]
    assert moved[-1] == "report.md"
    assert set(re.findall(r"\]\(([^)]+)\)", text)) == set(moved[:-1])
    assert set(moved[:-1]) == {"cases.csv", "plot.png", "plot.svg"}


OTHER = NamedTable("others", "Others", Table(("a",), [(1,)]))
WIDER = {"tables": (TABLE, OTHER), "figures": (FIGURE,)}


def names_in(folder):
    return {path.name for path in folder.iterdir()} - {LISTING}


def test_files_that_only_an_earlier_report_had_are_removed_and_nothing_else(tmp_path):
    folder = write_report(findings(**WIDER), tmp_path).parent
    (folder / "mine.csv").write_text("a\n1\n")
    (folder / "notes").mkdir()
    write_report(findings(tables=(TABLE,)), tmp_path)
    assert names_in(folder) == {"report.md", "cases.csv", "mine.csv", "notes"}
    assert (folder / "mine.csv").read_text() == "a\n1\n"
    # The user's own now, for no report of ours has it.
    (folder / "others.csv").write_text("mine")
    write_report(findings(tables=(TABLE,)), tmp_path)
    assert (folder / "others.csv").read_text() == "mine"


@pytest.mark.parametrize("steps", range(7))
def test_a_kill_at_any_step_leaves_a_whole_report_and_the_next_one_cleans_up(
    tmp_path, monkeypatch, steps
):
    """Replacing and removing are the steps; the last of them are those after the report's."""

    class Killed(BaseException):
        pass

    folder = write_report(findings(**WIDER), tmp_path).parent
    done = []

    def counted(step):
        def run(path, *others):
            if len(done) == steps:
                raise Killed
            done.append(path.name)
            return step(path, *others)

        return run

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", counted(Path.replace))
        patch.setattr(Path, "unlink", counted(Path.unlink))
        with pytest.raises(Killed):
            write_report(findings(title="Narrow", tables=(TABLE,)), tmp_path)
    text = (folder / "report.md").read_text()
    assert set(re.findall(r"\]\(([^)]+)\)", text)) <= names_in(folder)
    write_report(findings(title="Narrow", tables=(TABLE,)), tmp_path)
    assert names_in(folder) == {"report.md", "cases.csv"}
    assert [path.name for path in tmp_path.iterdir()] == ["heads"]


@pytest.mark.parametrize("content", ["", "no JSON", "7", '["../other.csv", 7, "/etc"]'])
def test_a_damaged_list_of_files_removes_nothing(tmp_path, content):
    folder = write_report(findings(**WIDER), tmp_path).parent
    (tmp_path / "other.csv").write_text("mine")
    (folder / LISTING).write_text(content)
    write_report(findings(tables=(TABLE,)), tmp_path)
    assert {"others.csv", "plot.svg", "plot.png"} <= names_in(folder)
    assert (tmp_path / "other.csv").exists()


def test_a_folder_that_cannot_be_written_is_a_problem_in_words(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ProblemError) as caught:
        write_report(findings(), tmp_path / "taken")
    assert caught.value.problem.kind == "storage"
    assert "taken" in caught.value.problem.what
