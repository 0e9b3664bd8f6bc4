"""The verbs of instructions and the general verbs that stand against them."""

from analysis.words.verbs import GENERAL_VERBS, INSTRUCTION_VERBS, general_verbs


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
