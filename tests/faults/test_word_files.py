"""Word lists and vectors of a user, good and bad, as ``insttui heads`` meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.program import Home

pytestmark = pytest.mark.slow

FRENCH = ["le", "maison", "chien", "eau", "pomme", "livre", "Livre", "rouge", "vert", "blanc"]


def heads(home: Home, *options: str | Path):
    return home.run("heads", "--layers", "0", *options)


def test_a_list_with_counts_and_vectors_of_the_users_own_are_read_and_named(home: Home) -> None:
    words = home.work / "french.tsv"
    words.write_text("".join(f"{word}\t{99 - n}\n" for n, word in enumerate(FRENCH)))
    vectors = home.work / "vectors.txt"
    # Every vector points to the same side, so that every pair of words is related.
    vectors.write_text("".join(f"{word} 1 0.{n}\n" for n, word in enumerate(FRENCH[:-1], 1)))
    done = heads(home, "--vocab", words, "--vectors", vectors)
    assert done.status == 0, done.errors
    assert "french.tsv" in done.errors
    assert "Vectors: vectors.txt" in done.errors
    assert "1 of 10 words have no vector" in done.errors
    assert {row["word_a"] for row in done.rows} <= set(FRENCH[:-1])
    assert done.output.startswith(b"layer,head,rank,word_a,word_b,count_base,count_tuned,status")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.txt", b"", "There is no word in it"),
        ("binary.txt", b"dog\ncat\0\n", "line 2 has a zero byte"),
        ("latin.txt", "chat\nœuf".encode("cp1252", "replace") + b"\xe9\n", "Line 2 is not UTF-8"),
        ("prose.txt", b"A sentence is not a word.\n", "Line 1 is not one word"),
    ],
)
def test_a_list_that_is_none_is_refused_in_words(
    home: Home, name: str, content: bytes, said: str
) -> None:
    (home.work / name).write_bytes(content)
    done = heads(home, "--vocab", name)
    assert done.status == 2
    assert said in done.errors
    assert done.output == b""


def test_vectors_of_uneven_length_are_refused_with_their_line(home: Home) -> None:
    (home.work / "ragged.txt").write_text("dog 1 2 3\ncat 1 2\n")
    done = heads(home, "--vectors", "ragged.txt")
    assert done.status == 2
    assert "line 2" in done.errors.lower()


def test_files_that_are_not_there_are_named_before_anything_is_computed(home: Home) -> None:
    for option in ("--vocab", "--vectors"):
        done = heads(home, option, "nowhere.txt")
        assert done.status in (1, 2)
        assert "nowhere.txt" in done.errors


def test_vectors_of_other_words_are_refused(home: Home) -> None:
    (home.work / "greek.txt").write_text("λόγος 1 2\nγάτα 2 1\n")
    done = heads(home, "--vectors", "greek.txt")
    assert done.status == 2
    assert "None of the words has a vector" in done.errors
