"""A study's maps become one case library or two, in one move, and nothing else gives way."""

import numpy as np
import pytest

from analysis.models.tokens import Tokens
from analysis.problems import ProblemError
from analysis.saliency.cases.folder import CaseFolder, file_names
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.cases.writer import NewCase
from analysis.saliency.map import SaliencyMap

PROMPT = "Go on."
WHOLE = (("Go", (0, 2)), (" on", (2, 5)), (".", (5, 6)))
HALVES = (("G", (0, 1)), ("o", (1, 2)), (" on", (2, 5)), (".", (5, 6)))


def tokens(pieces):
    return Tokens(
        tuple(range(len(pieces))), tuple(text for text, _ in pieces), tuple(at for _, at in pieces)
    )


def new_case(model, case_id="a", pieces=WHOLE, rating=None):
    prompt, response = tokens(pieces), tokens([(" yes", (0, 4))])
    scores = np.full((len(prompt), 1), len(model), np.uint8)
    shown = SaliencyMap(model, prompt, response, scores, None, np.ones(len(prompt), np.bool_))
    mask = np.arange(len(prompt)) < 1
    return NewCase(case_id, "d", PROMPT, mask, [(0, 2)], [shown], [rating], guessed=True)


def written(folder, names, cases):
    with CaseFolder(folder, names) as made:
        for case in cases:
            made.write(case)
        return made.finish()


def pair(names, **changes):
    return [new_case(names[0], **changes), new_case(names[1], rating=3.0, **changes)]


@pytest.mark.parametrize("names", [("apt", "plain"), ("plain", "apt")])
def test_both_models_share_a_library_that_knows_which_is_the_base(tmp_path, names):
    cases = [pair(names, case_id=name) for name in "ab"]
    assert written(tmp_path / "study", names, cases) == ()
    assert [each.name for each in (tmp_path / "study").iterdir()] == ["cases"]
    library = CaseLibrary.open(tmp_path / "study")
    assert library.models == names
    assert [case.id for case in library.cases] == ["a", "b"]
    assert library.cases[0].ratings == (None, 3.0)
    assert library.cases[0].guessed
    assert library.text("b").instruction.tolist() == [True, False, False]
    for name in names:
        assert (library.map("b", name).scores == len(name)).all()


def test_models_that_cut_prompts_differently_have_a_library_each(tmp_path):
    names = ("one", "two")
    cases = [pair(names), [new_case("one", "b"), new_case("two", "b", HALVES)]]
    (note,) = written(tmp_path, names, cases)
    assert "cases-base and cases-tuned" in note
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cases-base", "cases-tuned"]
    base, tuned = (CaseLibrary.open(tmp_path / f"cases-{side}") for side in ("base", "tuned"))
    assert (base.models, tuned.models) == (("one",), ("two",))
    assert base.text("b").instruction.tolist() == [True, False, False]
    assert tuned.text("b").prompt_tokens.texts == ("G", "o", " on", ".")
    assert tuned.cases[0].ratings == (3.0,)


def test_what_a_study_left_before_gives_way_at_the_end_and_not_earlier(tmp_path):
    names = ("one", "two")
    written(tmp_path, names, [pair(names)])
    with CaseFolder(tmp_path, names) as made:
        made.write(pair(names, case_id="new"))
        assert [case.id for case in CaseLibrary.open(tmp_path).cases] == ["a"]
        made.finish()
    assert [case.id for case in CaseLibrary.open(tmp_path).cases] == ["new"]
    written(tmp_path, names, [[new_case("one"), new_case("two", pieces=HALVES)]])
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cases-base", "cases-tuned"]


def test_unfinished_it_leaves_everything_as_it_was(tmp_path):
    names = ("one", "two")
    written(tmp_path, names, [pair(names)])
    with CaseFolder(tmp_path, names) as made:
        made.write(pair(names, case_id="new"))
    assert [each.name for each in tmp_path.iterdir()] == ["cases"]
    assert [case.id for case in CaseLibrary.open(tmp_path).cases] == ["a"]


def test_two_that_end_at_the_same_time_leave_one_whole_library(tmp_path):
    names = ("one", "two")
    with CaseFolder(tmp_path, names) as first, CaseFolder(tmp_path, names) as second:
        for made in (first, second):
            made.write(pair(names))
        first.finish()
        second.finish()
    assert [each.name for each in tmp_path.iterdir()] == ["cases"]
    assert [case.id for case in CaseLibrary.open(tmp_path).cases] == ["a"]


@pytest.mark.parametrize("name", ["cases", "cases-tuned"])
def test_anything_but_a_case_library_is_never_replaced(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.txt").write_text("dear")
    with pytest.raises(ProblemError, match="in the way"):
        CaseFolder(tmp_path, ("one", "two"))
    assert (tmp_path / name / "mine.txt").read_text() == "dear"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_is_a_problem_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ProblemError, match="cannot be written") as raised:
        CaseFolder(tmp_path / "file", ("one", "two"))
    assert raised.value.problem.kind == "storage"


def test_nowhere_takes_cases_and_writes_nothing():
    assert written(None, ("one", "two"), [pair(("one", "two"))]) == ()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("demo-base", "demo-tuned"), ("demo-base", "demo-tuned")),
        (("Qwen/Qwen3-0.6B-Base", "Qwen/Qwen3-0.6B"), ("Qwen3-0.6B-Base", "Qwen3-0.6B")),
        (("/data/a/", "./b c\n"), ("a", "b-c")),
        (("/one/final", "/two/Final"), ("final-base", "Final-tuned")),
        (("..", "/"), ("base", "tuned")),
    ],
)
def test_names_of_models_become_names_of_files(names, expected):
    assert file_names(*names) == expected
