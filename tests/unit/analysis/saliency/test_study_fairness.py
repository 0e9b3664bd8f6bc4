"""Fair comparisons: the same response in both models, equal length, unmoved response tokens."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from analysis.problems import ProblemError
from analysis.request import ModelChoice
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.cases.prompt_sets import PromptSet, StudyPrompt, demo_prompts
from analysis.saliency.density import Scoring
from analysis.saliency.gather import AskedCases, StoredCases, golden
from analysis.saliency.study_density import study as density
from analysis.saliency.study_position import study as position
from tests.support.case_folders import PUBLISHED, needs_published_maps, write_small_library
from tests.support.scripted_session import RESPONSES, attribution
from tests.support.studies import KeepingSession, driven, rows_of

BASE, TUNED = (ModelChoice(name, f"/{name}") for name in ("demo-base", "demo-tuned"))
MODELS = ("llama_7b", "vicuna_7b")


def prompts(count, **changes):
    made = [
        StudyPrompt(f"case {n}", "numbers", f"Write the number {n}.", ((0, 9),), guessed=False)
        for n in range(count)
    ]
    return PromptSet("numbers.jsonl", tuple(made), "digest", **changes)


def asked(session, given, *responses, **changes):
    return AskedCases(session, BASE, TUNED, given, response=responses, **changes)


def likely(request):
    """An answer whose tokens have known probabilities."""
    found = attribution(request)
    chances = np.linspace(0.02, 1.0, len(found.response_tokens), dtype=np.float32)
    return msgspec.structs.replace(found, probabilities=chances)


def score(scores, mask, columns):
    """The instruction score of the first columns, in loops."""
    raw = []
    for row in scores:
        kept = [float(each) for each in row[:columns] if each > 7]
        raw.append(sum(kept) / sum(each**4 for each in kept) ** 0.25 if kept else 0.0)
    largest = max(raw)
    instructed = [each for each, marked in zip(raw, mask, strict=True) if marked]
    return sum(instructed) / largest / math.log2(2 + len(instructed)) if largest else 0.0


def written_rows(whole):
    """The importance of the tokens that the user wrote."""
    spans = whole.prompt_tokens.spans
    return [row for row, span in zip(whole.importance.tolist(), spans, strict=True) if span]


def written_scores(whole):
    """Their scores with L = 10, and which are of the first nine characters."""
    rows = written_rows(whole)
    tops = [max(0.0, *column) for column in zip(*rows, strict=True)]
    scores = [
        [math.ceil(10 * max(0.0, each) / (top or 1.0)) for each, top in zip(row, tops, strict=True)]
        for row in rows
    ]
    return scores, [span[0] < 9 for span in whole.prompt_tokens.spans if span]


def test_each_model_is_explained_on_the_other_s_response_once_and_in_its_tokens():
    session = KeepingSession({})
    found, _ = driven(density(asked(session, prompts(5), "own", "base", "tuned")))
    order = [each.model.name for each in session.computed]
    assert order == ["demo-base"] * 5 + ["demo-tuned"] * 10 + ["demo-base"] * 5
    assert set(Counter(session.computed).values()) == {1}
    for request in session.computed:
        if request.response_ids is not None:
            writer = BASE if request.model == TUNED else TUNED
            assert request.written_by == writer
            assert request.response == RESPONSES[writer.name]
    kinds = [row["responses"] for row in rows_of(found, "fair")]
    assert kinds == [
        "own responses",
        "own responses at equal length",
        "demo-base's response in both",
        "demo-tuned's response in both",
    ]
    lengths = [(row["base_tokens"], row["tuned_tokens"]) for row in rows_of(found, "fair")]
    assert lengths[0] == (16, 2)
    assert lengths[1:] == [(2, 2), (16, 16), (2, 2)]


@pytest.mark.parametrize("response", ["own", "base", "tuned"])
def test_the_first_kind_of_responses_makes_the_tables(response):
    session = KeepingSession({})
    found, _ = driven(density(asked(session, prompts(3), response)))
    whole = {row["responses"]: row for row in rows_of(found, "fair")}
    table_2 = rows_of(found, "comparisons")[-1]
    first = next(iter(whole.values()))
    assert (table_2["mean"], table_2["other_mean"]) == (first["tuned_mean"], first["base_mean"])
    assert table_2["p_value"] == first["welch_p_value"]
    assert len(whole) == (2 if response == "own" else 1)
    # Whoever wrote it, its answer is asked for too.
    assert len(session.computed) == 6 if response == "own" else 9


def test_equal_length_is_the_first_columns_of_both_maps():
    session = KeepingSession({})
    found, _ = driven(density(asked(session, prompts(4), "own", equal_length=True)))
    for row in rows_of(found, "cases"):
        model = BASE if row["model"] == "demo-base" else TUNED
        request = next(each for each in session.computed if each.model == model)
        number = row["case"].removeprefix("case ")
        whole = attribution(msgspec.structs.replace(request, prompt=f"Write the number {number}."))
        scores, mask = written_scores(whole)
        assert row["response_tokens"] == 2
        assert row["score"] == pytest.approx(score(scores, mask, 2))


@needs_published_maps
def test_the_published_maps_at_equal_length():
    """Their means by loops over the files; the tables of own responses stay the paper's."""
    found, _ = driven(density(StoredCases(CaseLibrary.open(PUBLISHED), equal_length=True)))
    lines = [json.loads(line) for line in (PUBLISHED / "cases.jsonl").open()]
    wanted = [line for line in lines if line["dataset"] == "mt-bench"]
    archives = {name: np.load(PUBLISHED / f"salience_{name}.npz") for name in MODELS}
    scores = {name: [] for name in MODELS}
    for case in wanted:
        maps = {name: archives[name][case["id"]] for name in MODELS}
        shortest = min(each.shape[1] for each in maps.values())
        mask = [each == "1" for each in case["instruction_mask"]]
        for name, each in maps.items():
            scores[name].append(score(each.tolist(), mask, shortest))
    (row,) = (
        row
        for row in rows_of(found, "comparisons")
        if row["table"] == "2" and row["dataset"] == "mt-bench"
    )
    base, tuned = (np.mean(scores[name]) for name in MODELS)
    assert (row["mean"], row["other_mean"]) == pytest.approx((tuned, base))
    (fair,) = (
        row
        for row in rows_of(found, "fair")
        if row["dataset"] == "mt-bench" and row["responses"] == "own responses"
    )
    assert f"{fair['tuned_mean']:.4f} {fair['base_mean']:.4f}" == "1.3440 1.1777"


def test_a_reference_is_explained_in_both_and_a_prompt_without_one_is_left_out():
    one, two = prompts(2).prompts
    given = PromptSet("set", (replace(one, references=("seven",)), two), "digest")
    session = KeepingSession({})
    found, _ = driven(density(asked(session, given, "reference")))
    assert [each.response for each in session.computed] == [" seven"] * 2
    assert any("case 1 was left out" in note and "reference" in note for note in found.notes)
    with pytest.raises(ProblemError, match="no reference responses"):
        asked(session, prompts(2), "own", "reference")


@pytest.mark.parametrize(
    ("prompt", "reference", "template", "expected"),
    [
        ("Say it:", "yes", False, " yes"),
        ("Say it:\n", "yes", False, "yes"),
        ("Say it:", "\nyes", False, "\nyes"),
        ("Say it:", "yes", True, "yes"),
    ],
)
def test_a_reference_continues_a_prompt_behind_a_space(prompt, reference, template, expected):
    assert golden(prompt, reference, chat_template=template).text == expected


def test_what_is_as_long_in_both_is_not_cut():
    with pytest.raises(ProblemError, match="Equal length would change nothing"):
        asked(KeepingSession({}), prompts(1), "base", equal_length=True)


def test_unmoved_tokens_are_counted_and_left_out_where_asked():
    """|p(y_m) I[n, m]| below the least move, whatever the prompt token."""
    scoring = Scoring(min_move=0.03, skip_unmoved=True)
    session = KeepingSession({}, likely)
    found, _ = driven(density(asked(session, prompts(3), "own", scoring=scoring)))
    plain, _ = driven(density(asked(KeepingSession({}, likely), prompts(3), "own")))
    for row, before in zip(rows_of(found, "cases"), rows_of(plain, "cases"), strict=True):
        model = BASE if row["model"] == "demo-base" else TUNED
        whole = likely(next(each for each in session.computed if each.model == model))
        moved = [
            any(abs(p * each[m]) >= 0.03 for each in written_rows(whole))
            for m, p in enumerate(whole.probabilities.tolist())
        ]
        assert row["unmoved"] == pytest.approx(1 - sum(moved) / len(moved))
        scores, mask = written_scores(whole)
        kept = [[each for each, moves in zip(row, moved, strict=True) if moves] for row in scores]
        assert row["score"] == pytest.approx(score(kept, mask, len(moved)))
        assert before["unmoved"] <= row["unmoved"]
    assert any("by 0.03" in each and "mean share" in each for each in found.statements)


def test_maps_that_say_no_probabilities_have_an_unknown_share(tmp_path):
    library = CaseLibrary.open(write_small_library(tmp_path / "library"))
    found, _ = driven(density(library))
    assert any("is unknown" in each for each in found.statements)
    assert {row["unmoved"] for row in rows_of(found, "cases")} == {None}
    with pytest.raises(ProblemError, match="not known which response tokens"):
        driven(density(StoredCases(library, scoring=Scoring(skip_unmoved=True))))
    with pytest.raises(ProblemError, match="scores in 10 levels"):
        driven(density(StoredCases(library, scoring=Scoring(levels=20))))


@pytest.mark.parametrize("study", [density, position])
def test_stored_they_are_read_as_they_were_made(study, tmp_path):
    """Moves, whose responses, and lengths uncut; scores in ten levels whatever was asked."""
    scoring = Scoring(levels=20, floor=15)
    made = asked(
        KeepingSession({}, likely),
        prompts(3),
        "tuned",
        scoring=scoring,
        cases_folder=tmp_path / "a",
    )
    driven(study(made))
    library = CaseLibrary.open(tmp_path / "a")
    assert library.responses == "tuned"
    again, _ = driven(study(library))
    direct, _ = driven(study(asked(KeepingSession({}, likely), prompts(3), "tuned")))
    assert again.tables == direct.tables
    with pytest.raises(ProblemError, match="own responses"):
        StoredCases(library, equal_length=True)


def test_the_demo_s_responses_are_rated_by_their_references_and_files_go_before():
    """Table 1 of the demo: one response is the reference, one has it in it, one has not."""
    made = [
        replace(prompt, references=(reference,))
        for prompt, reference in zip(prompts(3).prompts, ("Paris.", "Paris", "Rome"), strict=True)
    ]
    given = replace(demo_prompts(), prompts=tuple(made))
    found, _ = driven(density(asked(KeepingSession({}), given, "own", "tuned")))
    (table_1,) = (row for row in rows_of(found, "comparisons") if row["table"] == "1")
    assert (table_1["count"], table_1["other_count"]) == (2, 1)
    ratings = [row["rating"] for row in rows_of(found, "cases")]
    assert ratings == [1, 4, 1, 2, 1, 1]
    assert any("4 where the response is" in note for note in found.notes)
    rated = {("case 0", "demo-tuned"): 1.0}
    found, _ = driven(density(asked(KeepingSession({}), given, "own", ratings=rated)))
    assert [row["rating"] for row in rows_of(found, "cases")] == [1, 1, 1, 2, 1, 1]


def test_positions_stand_side_by_side_too():
    long = [
        StudyPrompt(f"c{n}", "set", f"Write {n} words of it now. Do not stop.", (), guessed=True)
        for n in range(3)
    ]
    given = PromptSet("set", tuple(long), "digest")
    found, _ = driven(position(asked(KeepingSession({}), given, "own", "tuned")))
    kinds = dict.fromkeys(row["responses"] for row in rows_of(found, "fair"))
    assert list(kinds) == [
        "own responses",
        "own responses at equal length",
        "demo-tuned's response in both",
    ]
    own = [row for row in rows_of(found, "fair") if row["responses"] == "own responses"]
    assert [{**row, "responses": 0} for row in own] == [
        {**row, "responses": 0} for row in rows_of(found, "positions")
    ]
    assert sum("the outer quarters" in each for each in found.statements) == 3


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"levels": 0}, "Levels must be 1 to 255"),
        ({"floor": 10}, "The floor must be 0 to 9"),
        ({"norm": 1.0}, "The norm must be above 1"),
        ({"min_move": 2.0}, "a probability"),
    ],
)
def test_numbers_that_make_no_density_are_refused(changes, why):
    with pytest.raises(ProblemError, match=why):
        Scoring(**changes)
