"""Word vectors in every format they come in: what is read, what is refused, what is kept."""

from __future__ import annotations

import gzip
import json
import os
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from analysis.demo.catalog import VECTORS_NAME, WEIGHTS
from analysis.problems import ProblemError
from analysis.words.word_vectors import identity, open_word_vectors, unit_length

TEXT = "the 3 4 0\nhouse 0 0 -2\nTree 1e-3 0 0\n"
UNIT = {"the": [0.6, 0.8, 0.0], "house": [0.0, 0.0, -1.0], "Tree": [1.0, 0.0, 0.0]}


@pytest.fixture
def opened(tmp_path):
    """Opens a file, written with some content unless it is there."""

    def opening(content=None, name="vectors.txt"):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return open_word_vectors(path, tmp_path / "kept")

    return opening


def as_dict(opened):
    return {
        word: pytest.approx(row.tolist())
        for word, row in zip(opened.words, opened.vectors, strict=True)
    }


def write_folder(folder, *, vocabulary=("[PAD]", "the", "house"), weights="model.safetensors"):
    """A word-embedding model as sentence-transformers writes it."""
    inner = folder / "0_WordEmbeddings"
    inner.mkdir(parents=True)
    (folder / "modules.json").write_text("[]")
    (inner / "wordembedding_config.json").write_text('{"max_seq_length": 1000000}')
    tokenizer = {"vocab": list(vocabulary), "stop_words": [], "do_lower_case": False}
    (inner / "whitespacetokenizer_config.json").write_text(json.dumps(tokenizer))
    rows = np.array([[0, 0, 0], [3, 4, 0], [0, 0, -2]], dtype=np.float32)
    save_file({"emb_layer.weight": rows}, inner / weights)
    return folder


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        "3 3\n" + TEXT,
        TEXT.replace("\n", " \n"),
        TEXT.replace("\n", "\r\n"),
        TEXT.replace(" ", "\t"),
        TEXT.replace(" ", "  "),
        "\n" + TEXT + "\n\n",
        TEXT.replace("3 4 0", "+3 4. .0"),
    ],
    ids=["glove", "word2vec", "trailing", "windows", "tabs", "spaces", "blank", "spelling"],
)
def test_text_is_read_as_it_comes(opened, text):
    vectors = opened(text)
    assert as_dict(vectors) == UNIT
    assert vectors.notes == ()


def test_packed_text_is_read(opened, tmp_path):
    assert as_dict(opened(gzip.compress(TEXT.encode()), "vectors.txt.gz")) == UNIT
    with zipfile.ZipFile(tmp_path / "vectors.zip", "w") as archive:
        archive.writestr("vectors.2d.txt", "the 1 2\n")
        archive.writestr("vectors.3d.txt", TEXT)
    assert as_dict(opened(name="vectors.zip")) == UNIT


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_arrays_are_read_with_the_words_beside_them(opened, tmp_path, dtype):
    np.save(tmp_path / "v.npy", np.array([[3, 4, 0], [0, 0, -2], [1, 0, 0]], dtype=dtype))
    (tmp_path / "v.txt").write_text("the\nhouse\t17\nTree\n")
    assert as_dict(opened(name="v.npy")) == UNIT


def test_the_demo_pairs_vectors_are_read(tmp_path):
    vectors = open_word_vectors(WEIGHTS / VECTORS_NAME, tmp_path)
    with np.load(WEIGHTS / VECTORS_NAME) as archive:
        words, rows = archive["words"].tolist(), archive["vectors"].astype(np.float64)
    assert list(vectors.words) == words
    expected = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors.vectors, expected, atol=1e-6)


def test_a_sentence_transformers_folder_is_read_from_within_and_from_above(opened, tmp_path):
    write_folder(tmp_path / "model")
    for name in ("model", "model/0_WordEmbeddings"):
        vectors = opened(name=name)
        assert as_dict(vectors) == {word: UNIT[word] for word in ("the", "house")}
        assert vectors.notes == ("1 vectors of zeros are left out.",)


def test_pickled_weights_are_refused_unread(opened, tmp_path):
    write_folder(tmp_path / "model", weights="pytorch_model.bin")
    with pytest.raises(ProblemError, match=r"pickles are not read.*safetensors"):
        opened(name="model")
    np.save(tmp_path / "v.npy", np.array([{}], dtype=object))
    (tmp_path / "v.txt").write_text("the\n")
    with pytest.raises(ProblemError, match="no array of numbers"):
        opened(name="v.npy")
    np.savez(tmp_path / "v.npz", words=np.array(["a", None]), vectors=np.ones((2, 2)))
    with pytest.raises(ProblemError, match="unpickling"):
        opened(name="v.npz")


def test_a_word_is_found_as_it_is_written_else_in_lower_case(opened):
    rows, known = opened(TEXT + "the 9 9 9\nTHE 0 1 0").vectors_for(
        ["THE", "The", "the", "tree", "Tree", "house!"]
    )
    assert known.tolist() == [True, True, True, False, True, False]
    assert rows.dtype == np.float32
    expected = [[0, 1, 0], UNIT["the"], UNIT["the"], [0, 0, 0], UNIT["Tree"], [0, 0, 0]]
    assert rows == pytest.approx(np.array(expected))


def test_what_is_left_out_is_counted(opened):
    vectors = opened(b"the 1 2\nthe 3 4\nM\xfcller 1 1\nzero 0 0\nend 0 1\n")
    assert vectors.words == ("the", "end")
    assert vectors.notes == (
        "1 words that are there already are left out.",
        "1 words that are no UTF-8 are left out.",
        "1 vectors of zeros are left out.",
    )


@pytest.mark.parametrize(
    "words", [("the", ". . .", "at me@x.org", "a\u2028b\u0085c"), ("1984", "7")]
)
def test_words_may_be_numbers_and_hold_spaces_and_marks_that_look_like_line_ends(opened, words):
    text = "".join(f"{word} {number} 2\n" for number, word in enumerate(words, 1))
    assert opened(text).words == words


def test_many_lines_are_read_block_by_block(opened):
    random = np.random.default_rng(0).standard_normal((9000, 2)).astype(np.float32)
    lines = [f"w{i} {a} {b}" for i, (a, b) in enumerate(random.tolist())]
    lines[5000] = lines[5000].replace(" ", "  ")
    vectors = opened("\n".join(lines))
    assert vectors.words == tuple(f"w{i}" for i in range(9000))
    expected = random / np.linalg.norm(random, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors.vectors, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no vector in it"),
        ("\n \n", "no vector in it"),
        ("3 3\n", "no vector in it"),
        ("a 0 0\n", "no vector in it"),
        ("the\nhouse\n", "Line 1 is no word and its numbers"),
        ("the 1 2\nhouse 1\n", "Line 2 has 1 numbers, the first line 2"),
        ("the 1 2\n\nhouse 1 2 3\n", "Line 3 has 3 numbers, the first line 2"),
        ("the 1 2\nhouse 1 nan\n", "In line 2, 'nan' is not a finite number"),
        ("the 1 2\nhouse inf 1\n", "In line 2, 'inf' is not a finite number"),
        ("the 1 2\nhouse 1e99 1\n", "In line 2, '1e99' is not a finite number"),
        ("the 1 2\nhouse 1,2 3\na 1 2\n", "In line 2, '1,2' is not a finite number"),
        ("the 1 2\nhouse [1] 3\n", r"In line 2, '\[1\]' is not a finite number"),
        ("the 1 2\nhouse 1 x\x1b[31m\n", r"In line 2, 'x\\x1b\[31m' is not a finite number"),
        ("the 1 2\nhouse 1 2x\na b 1 2\n", "In line 2, '2x'"),
        (b"3 2\n\0\0\x80\x3f", "not text: see line 2"),
        (b"x" * 2_000_000, "not text: see line 1"),
    ],
)
def test_text_that_holds_no_vectors_is_refused_with_the_line(opened, tmp_path, content, message):
    with pytest.raises(ProblemError, match=message) as caught:
        opened(content)
    assert caught.value.problem.kind == "input"
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "rows", "message"),
    [
        ("a\nb\n", np.ones((3, 2)), "2 words and 3 vectors"),
        ("a\nb\n", np.ones(2), "no \\[words, numbers\\] array"),
        ("a\nb\n", np.ones((2, 2), dtype=int), "int64"),
        ("a\nb\n", np.array([[1, 2], [np.nan, 0]]), "Vector 2 \\('b'\\) is not finite"),
        (None, np.ones((3, 2)), "no word list next to it"),
    ],
)
def test_arrays_that_hold_no_vectors_are_refused(opened, tmp_path, words, rows, message):
    np.save(tmp_path / "v.npy", rows)
    if words is not None:
        (tmp_path / "v.words").write_text(words)
    with pytest.raises(ProblemError, match=message):
        opened(name="v.npy")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.gz", gzip.compress(TEXT.encode(), mtime=0)[:-9], "broken"),
        ("v.zip", b"no archive", "broken"),
        ("v.bin", b"", "not read"),
        ("w.npz", None, "no array named vectors"),
        ("", None, "wordembedding_config"),
        ("model", None, "1 words and 3 vectors"),
    ],
)
def test_broken_archives_and_folders_are_refused(opened, tmp_path, name, content, message):
    np.savez(tmp_path / "w.npz", words=np.array(["a"]))
    write_folder(tmp_path / "model", vocabulary=["a"])
    with pytest.raises(ProblemError, match=message):
        opened(content, name)


def test_a_missing_file_is_a_problem_of_storage(opened):
    with pytest.raises(ProblemError, match="No such file") as caught:
        opened(name="none.txt")
    assert caught.value.problem.kind == "storage"


def test_a_file_is_converted_once_and_again_when_it_changes(opened, tmp_path, monkeypatch):
    first = opened(TEXT)
    monkeypatch.setattr("analysis.words.word_vectors.read_vectors", None)
    again = opened(TEXT, "renamed.txt")
    assert again.words == first.words
    assert isinstance(again.vectors, np.memmap)
    assert not again.vectors.flags.writeable
    monkeypatch.undo()
    assert opened(TEXT + "car 1 1 1").words == (*first.words, "car")
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_a_large_file_is_identified_by_size_time_and_ends(tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.words.word_vectors._READ_WHOLE", 100)
    monkeypatch.setattr("analysis.words.word_vectors._END", 10)
    path = tmp_path / "v.txt"
    path.write_text("a" * 200)
    before, status = identity(path), path.stat()
    assert identity(path) == before
    path.write_text("a" * 195 + "b" * 5)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert identity(path) != before


def test_a_word_list_beside_an_array_is_part_of_its_identity(tmp_path):
    np.save(tmp_path / "v.npy", np.ones((1, 2)))
    (tmp_path / "v.txt").write_text("a\n")
    before = identity(tmp_path / "v.npy")
    (tmp_path / "v.txt").write_text("b\n")
    assert identity(tmp_path / "v.npy") != before


def test_a_broken_conversion_says_which_folder_to_delete(opened, tmp_path):
    opened(TEXT)
    (kept,) = (tmp_path / "kept").iterdir()
    (kept / "vectors.f32").write_bytes(b"12")
    with pytest.raises(ProblemError, match="Delete that folder"):
        opened(TEXT)


def test_a_folder_that_cannot_be_written_is_a_problem_of_storage(tmp_path):
    (tmp_path / "v.txt").write_text(TEXT)
    (tmp_path / "file").write_text("")
    with pytest.raises(ProblemError, match="cannot be written"):
        open_word_vectors(tmp_path / "v.txt", tmp_path / "file" / "kept")


def test_rows_of_zeros_have_no_direction():
    rows, known = unit_length(np.array([[3.0, 4.0], [0.0, 0.0], [1e-30, 0.0]]))
    assert known.tolist() == [True, False, True]
    assert rows == pytest.approx(np.array([[0.6, 0.8], [0.0, 0.0], [1.0, 0.0]]))
