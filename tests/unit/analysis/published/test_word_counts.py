"""Published word pairs: how they are read, counted, and what Table 3 they give."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from scipy.stats import ttest_ind

from analysis.heads.stored import Counting, StoredHeads, open_heads
from analysis.heads.study import StoredHeadsInput, study
from analysis.problems import ProblemError
from analysis.published.word_counts import import_pairs
from analysis.published.word_pairs import word_pairs
from tests.support.published_files import MODELS, pair_rows, write_pairs
from tests.support.studies import answered, rows_of

INSTRUCTION = ("translate", "explain", "create", "write")
GENERAL = ("run", "walk", "eat", "drink", "go", "make")


def imported(root: Path, counting: Counting = "merged", *, skip: bool = False) -> StoredHeads:
    answered(import_pairs(root, root / "heads", MODELS, counting=counting, skip=skip))
    return open_heads(root)


@pytest.mark.parametrize(
    ("cell", "pairs", "unclear"),
    [
        ("", [], 0),
        ("key=query", [("query", "key")], 0),
        ("a=b|||c=d", [("b", "a"), ("d", "c")], 0),
        ("==the|||the==", [("the", "="), ("=", "the")], 0),
        ("a=||||b=c", [("|", "a"), ("c", "b")], 0),
        ("a=b|||||=c", [("b", "a"), ("c", "||")], 0),
        ("a==b|||c=d", [("d", "c")], 1),
        ("a=b||||c=d", [], 2),
        ("a=b|||c", [("b", "a")], 1),
    ],
)
def test_words_with_signs_of_the_format_are_read_where_only_one_reading_is_possible(
    cell: str, pairs: list[tuple[str, str]], unclear: int
) -> None:
    assert word_pairs(cell) == (pairs, unclear)


def counted(rows: list[str], *, merged: bool) -> dict[tuple[str, int, int], Counter]:
    """Word pairs of each head by how many times rows list them, more than once, by plain loops."""
    found: dict[tuple[str, int, int], Counter] = {}
    for row in rows:
        model, _, layer, _, head, _, _, _, cell = row.split("\t")
        counts = found.setdefault((model, int(layer), int(head)), Counter())
        for piece in cell.split("|||") if cell else ():
            key, query = piece.split("=")
            pair = (query, key)
            if merged:
                pair = tuple(sorted((query.lower(), key.lower())))
            counts[pair] += 1
    return {
        place: Counter({pair: count for pair, count in each.items() if count > 1})
        for place, each in found.items()
    }


@pytest.mark.parametrize("counting", ["merged", "forms"])
@pytest.mark.parametrize("pieces", [1, 7])
def test_counts_are_those_of_plain_loops(counting: Counting, pieces: int, tmp_path: Path) -> None:
    rows = pair_rows()
    write_pairs(tmp_path, rows, pieces=pieces)
    stored = imported(tmp_path, counting)
    expected = counted(rows, merged=counting == "merged")
    for model, side in zip(MODELS, (stored.base, stored.tuned), strict=True):
        for layer in side:
            for head in range(layer.heads):
                part = slice(*layer.starts[head : head + 2].tolist())
                found = {
                    (layer.words[a], layer.words[b]): int(count)
                    for a, b, count in zip(
                        layer.first[part], layer.second[part], layer.count[part], strict=True
                    )
                }
                assert found == expected[model, layer.layer, head]
                assert layer.neuron_pairs == 6


def test_table_3_is_that_of_the_published_counting(tmp_path: Path) -> None:
    rows = pair_rows(layers=8, heads=4, neurons=12)
    write_pairs(tmp_path, rows)
    imported(tmp_path)
    verbs = {"instruction_verbs": INSTRUCTION, "general_verbs": GENERAL}
    found = answered(study(StoredHeadsInput(folder=tmp_path, **verbs)))  # type: ignore[arg-type]
    heads = counted(rows, merged=True)
    for group, row in enumerate(rows_of(found, "verb-groups")):
        shares: list[list[float]] = []
        for kind in (INSTRUCTION, GENERAL):
            shares.append([])
            for verb in kind:
                rises = []
                for layer in (2 * group, 2 * group + 1):
                    for head in range(4):
                        before, after = (
                            sum(verb in pair for pair in heads[model, layer, head])
                            for model in MODELS
                        )
                        if before != after:
                            rises.append(after > before)
                if rises:
                    shares[-1].append(sum(rises) / len(rises))
        assert [row["instruction_verbs"], row["general_verbs"]] == [len(each) for each in shares]
        assert row["instruction_mean"] == pytest.approx(sum(shares[0]) / len(shares[0]))
        assert row["general_mean"] == pytest.approx(sum(shares[1]) / len(shares[1]))
        assert row["p_value"] == pytest.approx(ttest_ind(*shares, equal_var=False).pvalue)
    assert found.parameters["instruction verbs"] == 4
    assert "neuron-pairs" not in {table.name for table in found.tables}


def test_what_two_runs_or_a_cut_leave_behind_is_refused_by_line(tmp_path: Path) -> None:
    rows = pair_rows()
    for number, (changed, why) in enumerate(
        [
            ([*rows, rows[0]], "line 98. Layer 0, head 0 of llama came before: two runs are mixed"),
            ([rows[0], *rows], "line 3. Neuron pair . of this head came before"),
            ([*rows[:50], rows[50].replace("7B", "13B"), *rows[51:]], "line 52. Two models are"),
            ([rows[0].replace("QK", "VO"), *rows], "line 2. Its Type is 'VO'"),
            ([rows[0].replace("\t0\tQK", "\tx\tQK"), *rows], "line 2. Its Layer is 'x'"),
            ([f"{rows[0].rpartition(chr(9))[0]}\tone|||two", *rows[1:]], "line 2. Its TopK has no"),
            (rows[:-1], r"incomplete. Layer 3, head 1 of vicuna has 5 of 6 neuron pairs"),
            (rows[:60], r"incomplete. Layer 1, head 1 of vicuna is missing|Layer 1, head 0"),
            ([row for row in rows if row.startswith("llama")], "has no word pairs of vicuna"),
        ]
    ):
        root = tmp_path / str(number)
        write_pairs(root, changed)
        with pytest.raises(ProblemError, match=why):
            imported(root)


def test_a_piece_between_others_must_be_there(tmp_path: Path) -> None:
    write_pairs(tmp_path, pair_rows(), pieces=4)
    (tmp_path / "results" / "bilinear_interpret" / "bilinear_words_split.tsvab").unlink()
    with pytest.raises(ProblemError, match=r"bilinear_words_split\.tsvab is missing"):
        imported(tmp_path)
    last = tmp_path / "results" / "bilinear_interpret"
    write_pairs(tmp_path, pair_rows(), pieces=4)
    (last / "bilinear_words_split.tsvad").unlink()
    with pytest.raises(ProblemError, match=r"broken in line \d+\. The file ends in the middle"):
        imported(tmp_path)


def test_other_models_are_passed_over_and_skipped_lines_leave_the_rest(tmp_path: Path) -> None:
    rows = pair_rows()
    others = [row.replace("llama", "mistral", 1) for row in rows if row.startswith("llama")]
    write_pairs(tmp_path, [*others, *rows[:5], "broken", *rows[6:]])
    stored = imported(tmp_path, skip=True)
    assert stored.models == MODELS
    assert [each.heads for each in stored.base] == [2] * 4


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'"head":1', b'"head":0', "Head 1 of layer 0 should be here"),
        (b'"count":[', b'"count":[9,9,1,', "Words and counts are not as many"),
        (b"{", b"", "line 1"),
    ],
)
def test_a_stored_folder_that_was_changed_is_refused_by_line(
    old: bytes, new: bytes, why: str, tmp_path: Path
) -> None:
    write_pairs(tmp_path, pair_rows())
    imported(tmp_path)
    path = tmp_path / "heads" / "pairs_llama.jsonl"
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(ProblemError, match=f"pairs_llama.jsonl is broken in line .*{why}|{why}"):
        open_heads(tmp_path)
    with pytest.raises(ProblemError, match="no stored word pairs"):
        open_heads(tmp_path / "results")
