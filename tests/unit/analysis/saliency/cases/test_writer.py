"""What the writer writes, the reader reads back."""

import numpy as np
import pytest

from analysis.models.tokens import Tokens
from analysis.problems import ProblemError
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.cases.writer import CaseWriter, NewCase
from analysis.saliency.map import SaliencyMap

PROMPT = "Say hi,\nnow ▁ é"
TOKENS = Tokens(
    ids=(1, 5, 6, 7, 8, 9, 10, 11, 12),
    texts=("<s>", "Say", " hi,", "\n", "now", " ", "▁", " ", "é"),
    spans=(None, (0, 3), (3, 7), (7, 8), (8, 11), (11, 12), (12, 13), (13, 14), (14, 15)),
)


def saliency_map(model, seed=0, tokens=TOKENS):
    response = Tokens(ids=(3, 4), texts=(" Hi", "\t"), spans=((0, 3), (3, 4)))
    scores = np.random.default_rng(seed).integers(0, 11, (len(tokens), 2), dtype=np.uint8)
    visible = tokens.written_by_user()
    scores[~visible] = 0
    return SaliencyMap(model, tokens, response, scores, None, visible)


def new_case(maps, case_id="a/b"):
    mask = np.array([False, True, True] + [False] * 6)
    ratings = [None] * (len(maps) - 1) + [2.5]
    return NewCase(case_id, "demo", PROMPT, mask, [(0, 7)], maps, ratings)


def test_a_written_library_reads_back_as_it_was(tmp_path):
    maps = [saliency_map("base", 1), saliency_map("tuned", 2)]
    cases = [new_case(maps), new_case(maps[::-1], "../c")]
    with CaseWriter(tmp_path / "new", ("base", "tuned")) as writer:
        for case in cases:
            writer.write(case)
    library = CaseLibrary.open(tmp_path / "new")
    assert library.models == ("base", "tuned")
    assert [case.id for case in library.cases] == ["a/b", "../c"]
    assert library.cases[0].ratings == (None, 2.5)
    assert library.cases[0].prompt == PROMPT
    text = library.text("a/b")
    assert text.instruction.tolist() == [True, True] + [False] * 6
    assert text.instruction_spans == ((0, 7),)
    for model, written in zip(library.models, maps, strict=True):
        read = library.map("a/b", model)
        assert np.array_equal(read.scores, written.scores[1:])
        assert read.prompt_tokens.spans == TOKENS.spans[1:]
        assert read.response_tokens.texts == (" Hi", "\t")


def test_different_prompt_tokens_cannot_share_a_case(tmp_path):
    other = Tokens(ids=(5,), texts=("Say",), spans=((0, 3),))
    maps = [saliency_map("base"), saliency_map("tuned", tokens=other)]
    writer = CaseWriter(tmp_path / "new", ("base", "tuned"))
    with writer, pytest.raises(ProblemError, match="different tokens"):
        writer.write(new_case(maps))


@pytest.mark.parametrize("name", ["", "a/b", "../c", "nul\0"])
def test_a_model_name_never_leads_out_of_the_folder(tmp_path, name):
    with pytest.raises(ProblemError, match="file name"):
        CaseWriter(tmp_path / "new", (name,))
    assert not (tmp_path / "new").exists()


def test_a_folder_with_files_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("dear")
    with pytest.raises(ProblemError, match="not empty"):
        CaseWriter(tmp_path, ("base",))
    assert (tmp_path / "mine.txt").read_text() == "dear"
