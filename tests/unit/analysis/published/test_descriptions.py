"""Published descriptions give Tables 5 and 6 as the raw rows do, read by plain loops."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean, pstdev

import pytest
from scipy.stats import ttest_ind

from analysis.concepts.annotation.stored import StoredAnnotations, open_annotations
from analysis.concepts.study import StoredConceptsInput, study
from analysis.problems import ProblemError
from analysis.published.descriptions import import_descriptions
from analysis.studies.report import report_text
from tests.support.published_files import (
    DESCRIBED_HEADER,
    MODELS,
    description_rows,
    write_descriptions,
    write_table,
)
from tests.support.studies import answered, rows_of

SEARCHED = {
    "writing": "writing",
    "coding": "coding",
    "math": "math",
    "translation": "translation",
    "none": "none",
    "phonology": "phonology",
    "morphology": "morphology",
    "syntax": "syntax",
    "semantics": "semantic",
}
"""What the published script looks for in an answer, by our name of the category."""


def imported(root: Path, *, rank: int = 300, skip: bool = False) -> StoredAnnotations:
    answered(import_descriptions(root, root / "concepts", MODELS, rank=rank, skip=skip))
    return open_annotations(root)


def shares(repeats: int, model: str, category: str) -> list[float]:
    """Percent of the rows of each repeat whose answer has what is looked for."""
    found = []
    for seed in range(repeats):
        _, tasks, concepts = description_rows(seed)
        rows = tasks if list(SEARCHED).index(category) < 5 else concepts
        answers = [row.split("\t")[0] for row in rows if row.split("\t")[4] == model]
        hits = sum(SEARCHED[category] in answer.lower() for answer in answers)
        found.append(100 * hits / len(answers))
    return found


def test_tables_5_and_6_are_those_of_the_rows(tmp_path: Path) -> None:
    write_descriptions(tmp_path, repeats=3)
    imported(tmp_path)
    found = answered(study(StoredConceptsInput(tmp_path)))
    rows = {str(row["category"]): row for row in rows_of(found, "comparison")}
    assert set(rows) == {"described", *SEARCHED}
    for category in SEARCHED:
        base, tuned = (shares(3, model, category) for model in MODELS)
        row = rows[category]
        assert row["base_percent"] == pytest.approx(fmean(base))
        assert row["tuned_percent"] == pytest.approx(fmean(tuned))
        assert row["tuned_deviation"] == pytest.approx(pstdev(tuned))
        assert row["p_value"] == pytest.approx(ttest_ind(tuned, base).pvalue)
    assert len(rows_of(found, "annotations")) == 3 * 2 * 8 * 6
    assert "gpt-3.5" in report_text(found)


def test_every_component_is_there_once_with_its_words_and_ranks_from_0(tmp_path: Path) -> None:
    write_descriptions(tmp_path, repeats=1)
    stored = imported(tmp_path, rank=4)
    assert stored.components == len(stored.annotations) == 2 * 8 * 4
    assert {each.subject.component for each in stored.annotations} == {0, 1, 2, 3}
    assert {len(each.subject.words) for each in stored.annotations} == {15}
    for each in stored.annotations:
        assert (each.description is None) == (each.raw[0] == "Cannot Tell.")
        assert (each.outcome == "described") == (each.level is not None)
        assert each.complete


def test_an_answer_outside_the_choice_is_counted_as_not_understood(tmp_path: Path) -> None:
    write_descriptions(tmp_path, repeats=1)
    _, tasks, _ = description_rows(0)
    tasks[0] = "It depends\t" + tasks[0].partition("\t")[2]
    write_table(tmp_path, "linear_task_seed0.tsv", f"Task\t{DESCRIBED_HEADER}", tasks)
    notes = answered(
        import_descriptions(tmp_path, tmp_path / "concepts", MODELS, rank=300, skip=False)
    )
    assert notes == (
        "1 answers about scenarios are none of the allowed ones and count as not understood.",
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda rows: [*rows, rows[0]], r"came before: two runs are mixed"),
        (lambda rows: [rows[0].replace("7B", "13B"), *rows[1:]], "line 3. Two models are called"),
        (lambda rows: [f"{1 - int(rows[0][0])}{rows[0][1:]}", *rows[1:]], "line 2. Its Explain"),
        (lambda rows: [rows[0].replace("\tFFN\t0\t1\t", "\tFFN\t0\t0\t"), *rows], "Ranks count"),
        (lambda rows: [rows[0].replace("FFN", "QK"), *rows], "line 2. Its Type is 'QK'"),
        (lambda rows: [row for row in rows if "\tllama\t" in row], "is no description in|vicuna"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_line(change, why: str, tmp_path: Path) -> None:
    write_descriptions(tmp_path, repeats=1)
    first, _, _ = description_rows(0)
    write_table(tmp_path, "linear_seed0.tsv", DESCRIBED_HEADER, change(first))
    with pytest.raises(ProblemError, match=why):
        imported(tmp_path)


def test_repeats_are_of_the_same_words_and_what_one_lacks_is_said(tmp_path: Path) -> None:
    write_descriptions(tmp_path, repeats=2)
    path = tmp_path / "results" / "linear_interpret" / "linear_seed1.tsv"
    whole = path.read_text()
    cannot = [line for line in whole.splitlines(keepends=True) if line.startswith("0")]
    path.write_text(whole.replace(cannot[0], ""))
    notes = answered(
        import_descriptions(tmp_path, tmp_path / "concepts", MODELS, rank=300, skip=False)
    )
    assert notes == ("The descriptions of seed 1 are of 95 of 96 components.",)
    found = answered(study(StoredConceptsInput(tmp_path)))
    assert any("191 of 192 answers" in note and "--annotate" not in note for note in found.notes)
    path.write_text(whole.replace("word10", "other", 1))
    with pytest.raises(ProblemError, match=r"linear_seed1\.tsv is broken.*words are not those"):
        imported(tmp_path)


def test_answers_to_another_run_s_descriptions_are_refused(tmp_path: Path) -> None:
    write_descriptions(tmp_path, repeats=1)
    _, tasks, _ = description_rows(5)
    write_table(tmp_path, "linear_task_seed0.tsv", f"Task\t{DESCRIBED_HEADER}", tasks)
    with pytest.raises(ProblemError, match=r"linear_task_seed0\.tsv is broken in line \d+.*is no"):
        imported(tmp_path)
