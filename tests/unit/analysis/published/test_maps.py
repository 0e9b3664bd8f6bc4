"""Published maps become a case library with the same scores, masks and ratings."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from analysis.problems import ProblemError
from analysis.published.maps import import_maps
from analysis.saliency.cases.library import CaseLibrary
from tests.support.published_files import CASES, MODELS, write_map, write_maps
from tests.support.studies import answered


def imported(root: Path, **changes: object) -> CaseLibrary:
    given = {"pair": MODELS, "skip": False, **changes}
    answered(import_maps(root, root / "made", **given))  # type: ignore[arg-type]
    return CaseLibrary.open(root / "made")


def test_scores_masks_tokens_and_ratings_are_those_of_the_files(tmp_path: Path) -> None:
    maps = write_maps(tmp_path)
    library = imported(tmp_path)
    assert library.models == ("llama_7b", "vicuna_7b")
    assert [case.dataset for case in library.cases] == ["self-instruct", "lima", "mt-bench"]
    assert [case.ratings for case in library.cases] == [(None, 1.0), (None, 4.0), (None, 1.0)]
    for case in library.cases:
        prompt, _, tokens, mask = CASES[case.id]
        text = library.text(case.id)
        assert case.prompt == prompt
        assert "".join("01"[int(each)] for each in text.instruction) == mask
        assert len(text.prompt_tokens) == len(tokens)
        for model in MODELS:
            found = library.map(case.id, f"{model}_7b")
            assert np.array_equal(found.scores, maps[f"{model} {case.id}"])


def test_signed_importance_is_scored_by_equation_2(tmp_path: Path) -> None:
    maps = write_maps(tmp_path, importance=True)
    library = imported(tmp_path)
    for case in library.cases:
        values = maps[f"vicuna {case.id}"].astype(np.float64)
        expected = np.zeros(values.shape)
        for column in range(values.shape[1]):
            most = max(values[row, column] for row in range(len(values)))
            for row in range(len(values)):
                if values[row, column] > 0 and most > 0:
                    expected[row, column] = np.ceil(values[row, column] * 10 / most)
        assert np.array_equal(library.map(case.id, "vicuna_7b").scores, expected)


class _Harmful:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda case, _: case | {"Explain": np.zeros((3, 6))}, "numbers of shape"),
        (lambda case, _: case | {"Explain": np.full_like(case["Explain"], np.nan)}, "finite"),
        (lambda case, _: case | {"Explain": np.array([None])}, "unknown kind"),
        (lambda case, _: {"ID": "another"}, "no entry 'Input'"),
        (lambda case, _: case | {"ID": "another"}, "that of another"),
        (lambda case, folder: case | {"more": _Harmful(folder / "run")}, "no map needs"),
        (lambda case, _: [case], "no dictionary"),
    ],
)
def test_a_pickle_of_anything_else_is_refused_and_never_run(change, why, tmp_path: Path) -> None:
    write_maps(tmp_path)
    path = write_map(tmp_path, "vicuna", "lima_author_7", np.ones((11, 6)))
    path.write_bytes(pickle.dumps(change(pickle.loads(path.read_bytes()), tmp_path)))
    with pytest.raises(ProblemError, match=why):
        imported(tmp_path)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kept", [0, 1, 200, -1])
def test_a_pickle_that_is_cut_short_is_refused_by_name(kept: int, tmp_path: Path) -> None:
    write_maps(tmp_path)
    path = write_map(tmp_path, "vicuna", "lima_author_7", np.ones((11, 6)))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ProblemError, match=r"lima_author_7.pkl is broken"):
        imported(tmp_path)


def test_maps_without_a_partner_are_counted_and_two_folders_of_a_model_refused(
    tmp_path: Path,
) -> None:
    write_maps(tmp_path)
    folder = tmp_path / "results" / "attribution_interpret"
    (folder / "ifa_llama_7b" / "lima_author_7.pkl").unlink()
    notes = answered(import_maps(tmp_path, tmp_path / "made", MODELS, skip=False))
    assert notes == ("1 cases have no map of both models.",)
    (folder / "ifa_llama_13b").mkdir()
    with pytest.raises(ProblemError, match=r"2 folders.*ifa_llama_13b, ifa_llama_7b"):
        imported(tmp_path)


@pytest.mark.parametrize(
    ("file", "old", "new", "why"),
    [
        ("FinalDataset", "lima_author_7\t", "../lima\t", "line 3. Its ID is '../lima'"),
        (
            "FinalDataset",
            "lima_author_7\t",
            "mtbench_math_1\t",
            "line 4. The case 'mtbench_math_1'",
        ),
        ("AnnotatedDataset", "\t4\n", "\tfour\n", "line 5. Its rating is 'four'"),
        ("AnnotatedDataset", "\t4\n", "\t40\n", "line 5. Its rating is '40'"),
    ],
)
def test_a_table_s_unusable_cells_are_named_by_line(
    file: str, old: str, new: str, why: str, tmp_path: Path
) -> None:
    write_maps(tmp_path)
    path = tmp_path / "datasets" / f"{file}.tsv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ProblemError, match=why):
        imported(tmp_path)


def test_an_instruction_that_the_prompt_lacks_is_a_problem_of_its_line(tmp_path: Path) -> None:
    write_maps(tmp_path)
    path = tmp_path / "datasets" / "FinalDataset.tsv"
    path.write_text(path.read_text().replace("\tSay it.", "\tSing it."))
    with pytest.raises(ProblemError, match=r"broken in line 3\. Its instruction 'Sing it\.'"):
        imported(tmp_path)
    library = imported(tmp_path, skip=True)
    assert len(library.cases) == 2
