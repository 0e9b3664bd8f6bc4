"""Word lists: what is read from where, in which order, and what is refused."""

from __future__ import annotations

import pytest

from analysis.problems import ProblemError
from analysis.words.verbs import GENERAL_VERBS, INSTRUCTION_VERBS, general_verbs
from analysis.words.words import (
    ENGLISH_WORDS,
    MOST_WORDS,
    demo_words,
    english_words,
    token_words,
    words_from_file,
)
from tests.support.children import run


@pytest.fixture
def write(tmp_path):
    """Writes a file and gives its path."""

    def writing(content):
        path = tmp_path / "words.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return writing


def read(path, limit=0):
    return words_from_file(path, limit).words


def test_english_words_are_of_letters_and_begin_with_the_most_frequent():
    listed = english_words()
    assert len(listed) == len(set(listed.words)) == ENGLISH_WORDS
    assert listed.words[:3] == ("the", "to", "and")
    assert all(word.isalpha() and word == word.lower() for word in listed.words)
    assert english_words(50).words == listed.words[:50]


def test_the_demo_pairs_words_come_with_it():
    listed = demo_words()
    assert listed.words[0] == "the"
    assert len(listed) > 2000
    assert listed.notes == ()


def test_words_of_a_vocabulary_are_tokens_that_begin_with_a_space():
    texts = ["<s>", "the", " the", " The", " 12", " a-b", " ", " été", "ing", " the"]
    assert token_words(texts).words == ("the", "The", "été")
    assert token_words(texts, 1).words == ("the",)
    with pytest.raises(ProblemError, match="no words"):
        token_words(["a", "b"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("tree\n\nhouse\r\n  car  \nBaum", ("tree", "house", "car", "Baum")),
        ("東京\nстрана\nسلام\n", ("東京", "страна", "سلام")),
        ("1984\n42\n7", ("1984", "42", "7")),
        ("b\t1\na\t1\nc\t2\n", ("c", "b", "a")),
        ("tree\t3", ("tree",)),
    ],
    ids=["plain", "any script", "numbers alone", "equal counts", "single word, no heading"],
)
def test_a_list_of_words_is_read_in_its_order_or_by_count(write, content, words):
    assert read(write(content)) == words


@pytest.mark.parametrize(
    "content",
    [
        "tree\t3\nhouse\t5\n,\t4\n",
        "word\tcount\ntree\t3\nhouse\t5\n,\t4\n",
        "word;frequency\ntree;3e-3\nhouse;5e-3\n,;4e-3",
        'tree,3\nhouse,5\n",",4\n',
        "tree 3\nhouse   5\n, 4",
        "\ufefftree\t3\r\nhouse\t5\r\n,\t4\r\n\r\n",
    ],
)
def test_counted_words_are_sorted_by_falling_count(write, content):
    assert read(write(content)) == ("house", ",", "tree")


def test_a_repeated_word_counts_once_and_case_variants_are_words_of_their_own(write):
    listed = words_from_file(write("tree\t3\nTree\t2\ntree\t9\ncafe\u0301\t1\ncaf\u00e9\t1"))
    assert listed.words == ("tree", "Tree", "café")
    assert listed.notes == ("2 repeated words of the list count once.",)


def test_a_huge_list_is_cut_and_says_so(write):
    path = write("\n".join(f"w{i}\t{i}" for i in range(MOST_WORDS + 5)))
    listed = words_from_file(path)
    assert len(listed) == MOST_WORDS
    assert listed.words[0] == f"w{MOST_WORDS + 4}"
    assert listed.notes == ("Only the 100,000 most frequent words are used, 5 are not.",)
    assert words_from_file(path, 3).words == ("w100004", "w100003", "w100002")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no word in it"),
        ("\n \n\t\n", "no word in it"),
        ("a\tb\nc\td\n", r"Line 1 is not one word: 'a\\tb'"),
        ("tree\t3\nhouse\t5\nroad\n", "Line 3 is no word and its count: 'road'"),
        ("tree\t3\nhouse\t5\nroad\tnan\n", "Line 3"),
        ("tree\t3\nhouse\t5\nroad\t-1\n", "Line 3"),
        ("tree\t3\nhouse\t5\n\t4\n", "Line 3 is not one word: ''"),
        ("tree\nIt was a dark night.\n", "Line 2 is not one word: 'It was a dark night.'"),
        ("the 0.1 0.2 0.3\nof 0.2 0.3 0.4\n", "Line 1 is not one word: 'the 0.1 0.2'"),
        ("x," * 200_000, r"Line 1 is not one word: '(x,){20}…'"),
        ("x" * 5000, r"Line 1 is not one word: 'x{40}…'"),
        (b"PK\x03\x04\0\0tree\n", "not text"),
        (b"t\0r\0e\0e\0", "not text"),
        (b"tree\nM\xfcller\n", "Line 2 is not UTF-8"),
    ],
)
def test_a_file_that_is_no_word_list_is_refused_with_the_line(write, content, message):
    with pytest.raises(ProblemError, match=message) as caught:
        read(write(content))
    assert caught.value.problem.kind == "input"


def test_a_file_that_is_too_large_is_not_read(write, monkeypatch):
    monkeypatch.setattr("analysis.words.words._MOST_BYTES", 3)
    with pytest.raises(ProblemError, match="larger than"):
        read(write("tree"))


def test_a_missing_file_is_a_problem_of_storage(tmp_path):
    with pytest.raises(ProblemError, match="No such file") as caught:
        read(tmp_path / "none")
    assert caught.value.problem.kind == "storage"


def test_importing_word_lists_and_vectors_imports_neither_wordfreq_nor_torch():
    imports = "import sys, analysis.words.words, analysis.words.word_vectors"
    assert run(f"{imports}; print({{'wordfreq', 'torch'}} & {{*sys.modules}})") == "set()\n"


def test_there_are_as_many_instruction_verbs_as_in_the_paper():
    assert len(INSTRUCTION_VERBS) == len(set(INSTRUCTION_VERBS)) == 45
    assert {"write", "create", "classify"} < set(INSTRUCTION_VERBS)


def test_general_verbs_are_frequent_verbs_and_no_instruction_verbs():
    verbs = general_verbs()
    assert len(verbs) == len(set(verbs)) == GENERAL_VERBS
    assert not set(verbs) & set(INSTRUCTION_VERBS)
    expected = "be do go take eat sleep stop try die cut put panic agree occur play study bring"
    assert set(expected.split()) < set(verbs)
    assert verbs.index("go") < verbs.index("eat") < verbs.index("borrow")
    assert general_verbs(10) == verbs[:10]


def test_words_that_are_no_verbs_are_not_among_them():
    others = "the of and time water house people king thing during red bed spring writes writing"
    assert not set(others.split()) & set(general_verbs())
