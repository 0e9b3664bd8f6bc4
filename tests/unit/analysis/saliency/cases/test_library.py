"""A folder of published maps opens fast and says which file is at fault when it does not."""

import json
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from analysis.problems import ProblemError
from analysis.saliency.cases.library import CaseLibrary
from tests.support.case_folders import (
    CASES,
    PUBLISHED,
    needs_published_maps,
    write_lines,
    write_small_library,
)


@pytest.fixture
def folder(tmp_path):
    return write_small_library(tmp_path / "library")


def save_maps(folder, **changed):
    """Writes the maps of ``apt`` again, some of them changed."""
    path = folder / "salience_apt.npz"
    with np.load(path) as stored:
        maps = {name: stored[name] for name in stored.files}
    np.savez(path, **{**maps, **changed})


def test_lists_cases_with_lengths_and_ratings(folder):
    library = CaseLibrary.open(folder)
    cases = {case.id: (case.dataset, case.response_lengths, case.rating) for case in library.cases}
    assert cases == {"one": ("letters", (3, 1), 3.0), "two": ("signs", (2, 0), None)}
    assert list(cases) == ["one", "two"]
    assert library.datasets == ("letters", "signs")
    assert library.rating("one", "plain") == 3.0
    assert library.rating("one", "apt") is None


def test_the_rated_model_is_the_tuned_one_and_else_names_decide(folder):
    assert CaseLibrary.open(folder).models == ("apt", "plain")
    write_lines(folder / "ratings.jsonl", [{"id": "one", "model": "apt", "rating": 1.0}])
    assert CaseLibrary.open(folder).models == ("plain", "apt")
    (folder / "ratings.jsonl").unlink()
    assert CaseLibrary.open(folder).models == ("apt", "plain")


def test_one_model_is_a_library_too(tmp_path):
    library = CaseLibrary.open(write_small_library(tmp_path / "library", models=("apt",)))
    assert library.models == ("apt",)
    assert [len(scores) for _, scores in library.instruction_scores()] == [1, 1]


def test_a_map_holds_the_stored_scores_and_the_tokens(folder):
    library = CaseLibrary.open(folder)
    shown = library.map("one", "apt")
    with np.load(folder / "salience_apt.npz") as stored:
        assert np.array_equal(shown.scores, stored["one"])
    assert shown.importance is None
    assert shown.visible.all()
    assert shown.prompt_tokens.texts[:2] == ("Name", " a")
    assert shown.response_tokens.texts == (" x", ".", "\n")


def test_fortran_order_is_read_as_what_it_is(folder):
    scores = np.arange(24, dtype=np.uint8).reshape(8, 3) % 11
    save_maps(folder, one=np.asfortranarray(scores))
    assert np.array_equal(CaseLibrary.open(folder).map("one", "apt").scores, scores)


def test_instructions_come_from_the_mask_or_else_from_the_spans(folder):
    library = CaseLibrary.open(folder)
    assert library.text("one").instruction.tolist() == [True] * 4 + [False] * 4
    assert library.text("one").instruction_spans == ((0, 14),)
    assert library.text("two").instruction.all()


def test_instruction_scores_are_those_of_the_maps(folder):
    library = CaseLibrary.open(folder)
    scores = dict(library.instruction_scores())
    assert list(scores) == ["one", "two"]
    for case_id, values in scores.items():
        mask = library.text(case_id).instruction
        maps = [library.map(case_id, model) for model in library.models]
        assert values == tuple(each.instruction_score(mask) for each in maps)
    assert scores["two"][1] == 0.0


def test_threads_may_read_at_the_same_time(folder):
    library = CaseLibrary.open(folder)
    with ThreadPoolExecutor(4) as pool:
        background = pool.submit(lambda: [list(library.instruction_scores()) for _ in range(20)])
        maps = list(pool.map(lambda _: library.map("one", "apt").scores, range(50)))
        assert all(np.array_equal(each, maps[0]) for each in maps)
        assert all(each == background.result()[0] for each in background.result())


def unlink(path):
    path.unlink()


def append(text):
    return lambda path: path.write_bytes(path.read_bytes() + text)


def keep_only_the_first_case(path):
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("cases.jsonl", unlink, r"cases\.jsonl is missing"),
        ("salience_apt.npz", unlink, r"salience_apt\.npz is missing"),
        ("cases.jsonl", append(b"\n{'id': 1}\n"), r"cases\.jsonl is broken in line 4\."),
        ("cases.jsonl", append(b'{"id": "x"}\n'), r"in line 3\. .*missing required field `prompt`"),
        (
            "cases.jsonl",
            append(b'{"id": "\xff", "prompt": ""}'),
            r"cases\.jsonl is broken in line 3",
        ),
        (
            "cases.jsonl",
            append(b'{"id": "one", "prompt": ""}'),
            r"line 3\. The id 'one' occurs twice",
        ),
        ("responses_apt.jsonl", append(b'{"id": 3}'), r"responses_apt\.jsonl is broken in line 3"),
        ("ratings.jsonl", append(b"null"), r"ratings\.jsonl is broken in line 2"),
        ("responses_plain.jsonl", keep_only_the_first_case, r"_plain.* no response for case 'two'"),
        ("salience_apt.npz", lambda path: path.write_bytes(b"PK"), r"salience_apt.*no archive"),
        ("salience_apt.npz", lambda path: np.savez(path, one=1), r"no map for case 'two'"),
        ("responses_third.jsonl", lambda path: write_lines(path, []), "responses of 3 models"),
    ],
)
def test_a_broken_index_is_named_when_the_library_is_opened(folder, name, change, said):
    change(folder / name)
    with pytest.raises(ProblemError, match=said) as raised:
        CaseLibrary.open(folder)
    assert raised.value.problem.kind == "storage"


def test_what_is_no_folder_or_of_something_else_cannot_be_opened(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("nowhere", "file"):
        with pytest.raises(ProblemError, match="cannot be opened"):
            CaseLibrary.open(tmp_path / name)
    with pytest.raises(ProblemError, match="not a case library"):
        CaseLibrary.open(tmp_path)


class Trap:
    """Unpickling it would be noticed."""

    def __reduce__(self):
        return (pytest.exit, ("a case library was unpickled",))


@pytest.mark.parametrize(
    "stored",
    [
        np.zeros((3, 8), np.uint8),
        np.zeros((8, 3), np.float32),
        np.zeros(24, np.uint8),
        np.array([[Trap()] * 3] * 8, dtype=object),
    ],
)
def test_a_map_that_is_not_bytes_of_the_right_shape_is_refused(folder, stored):
    save_maps(folder, one=stored)
    library = CaseLibrary.open(folder)
    for read in (lambda: library.map("one", "apt"), lambda: list(library.instruction_scores())):
        with pytest.raises(ProblemError, match=r"salience_apt\.npz is broken\. .*'one'"):
            read()


def rewritten(folder, change):
    """Rewrites the member of case ``one`` with changed bytes."""
    path = folder / "salience_apt.npz"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["one.npy"] = change(members["one.npy"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: b"not an array",
        lambda data: b"",
        lambda data: data.replace(b"(8, 3)", b"(8, x)"),
        lambda data: data.replace(b"'shape': (8, 3)", b"'shape':(8000,)"),
    ],
)
def test_a_map_that_is_cut_short_or_forged_is_refused(folder, change):
    rewritten(folder, change)
    with pytest.raises(ProblemError, match="'one'"):
        CaseLibrary.open(folder).map("one", "apt")


def test_flipped_bits_are_noticed(folder):
    save_maps(folder)
    path = folder / "salience_apt.npz"
    data = bytearray(path.read_bytes())
    data[data.index(b"\x93NUMPY") + 128] ^= 1
    path.write_bytes(data)
    with pytest.raises(ProblemError, match="CRC"):
        CaseLibrary.open(folder).map("one", "apt")


def test_a_mask_of_another_length_than_the_prompt_is_refused(folder):
    write_lines(folder / "cases.jsonl", [{**CASES[0], "instruction_mask": "11"}, CASES[1]])
    with pytest.raises(ProblemError, match=r"8 tokens and a mask of 2"):
        CaseLibrary.open(folder).text("one")


def test_a_line_that_cannot_be_a_case_is_named_when_it_is_read(folder):
    bad = {**CASES[1], "prompt_tokens": "Draw"}
    write_lines(folder / "cases.jsonl", [CASES[0], bad])
    library = CaseLibrary.open(folder)
    with pytest.raises(ProblemError, match=r"cases\.jsonl is broken in line 2"):
        library.map("two", "apt")


@needs_published_maps
def test_every_map_of_the_published_library_can_be_read():
    library = CaseLibrary.open(PUBLISHED)
    assert library.models == ("llama_7b", "vicuna_7b")
    counts = Counter(case.dataset for case in library.cases)
    assert counts == {"self-instruct": 252, "lima": 300, "mt-bench": 80}
    for case in library.cases:
        for model in library.models:
            shown = library.map(case.id, model)
            assert shown.prompt_tokens.spans[-1][1] == len(case.prompt)
    first = json.loads((PUBLISHED / "ratings.jsonl").read_text().splitlines()[0])
    assert first["rating"] == library.cases[0].rating


@pytest.mark.parametrize("models", [["plain", "apt"], ["apt", "plain"]])
def test_models_json_says_which_model_is_the_base(folder, models):
    """Without it ``plain``, which is rated, would be the tuned one."""
    (folder / "models.json").write_text(json.dumps({"models": models}))
    library = CaseLibrary.open(folder)
    assert library.models == tuple(models)
    lengths = {"plain": 1, "apt": 3}
    assert library.cases[0].response_lengths == tuple(lengths[name] for name in models)
    assert library.rating("one", "plain") == 3.0


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"models": ["plain"]}', '{"models": ["a", "apt"]}']
)
def test_a_models_json_that_does_not_fit_is_a_problem_in_words(folder, content):
    (folder / "models.json").write_text(content)
    with pytest.raises(ProblemError, match=r"models\.json is broken"):
        CaseLibrary.open(folder)


def test_a_studys_folder_opens_as_the_library_inside(folder):
    folder.rename(folder.parent / "cases")
    assert len(CaseLibrary.open(folder.parent).cases) == 2


def test_instructions_that_were_guessed_are_said_to_be(folder):
    write_lines(folder / "cases.jsonl", [CASES[0], {**CASES[1], "instruction_guessed": True}])
    assert [case.guessed for case in CaseLibrary.open(folder).cases] == [False, True]
