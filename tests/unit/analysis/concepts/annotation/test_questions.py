"""What is asked, and what answers say of a subject."""

from __future__ import annotations

import pytest

from analysis.concepts.annotation.annotation import Annotation, Subject
from analysis.concepts.annotation.completer import Completion
from analysis.concepts.annotation.questions import first_question, follow_up, known, word_list
from analysis.concepts.annotation.templates import Templates
from tests.support.scripted_completer import AnswersInMemory

SUBJECT = Subject("base", 3, 7, ("May", "July", "June"))


def annotated(templates: Templates, *texts: str, cut: bool = False) -> Annotation:
    """The annotation of `SUBJECT` from the answers to the first steps."""
    answers = AnswersInMemory()
    for text in texts:
        question = known(SUBJECT, 0, templates, "m", answers)[1][0]
        answers.put(question.key("m"), Completion(text, cut=cut))
    return known(SUBJECT, 0, templates, "m", answers)[0]


def test_only_words_are_sent_of_a_subject(templates: Templates) -> None:
    elsewhere = Subject("/home/me/secret-model", 30, 299, SUBJECT.words, expert=5)
    asked = [first_question(templates, each, 0) for each in (SUBJECT, elsewhere)]
    assert asked[0] == asked[1]
    assert asked[0].messages[-1].content == "Words: May, July, June"


def test_words_stand_on_one_line() -> None:
    assert word_list(["a\nb", " c ", "\n", "d,"]) == "a b, c, d,"


def test_the_first_repeat_and_follow_ups_are_greedy_and_later_ones_are_sampled(
    templates: Templates,
) -> None:
    asked = [first_question(templates, SUBJECT, repeat) for repeat in range(5)]
    assert [each.temperature for each in asked] == [0, 1, 1, 1, 1]
    asked += [follow_up(templates, "level", "months"), follow_up(templates, "scenarios", "months")]
    assert asked[5].temperature == 0
    # Another repeat, step or model is another question.
    assert len({each.key(model) for each in asked for model in "mn"}) == 2 * 7


def test_three_answers_make_an_annotation(templates: Templates) -> None:
    answers = ("names of months", "daily writing; translation", "Semantic.")
    assert annotated(templates, *answers) == Annotation(
        SUBJECT,
        0,
        "described",
        description="names of months",
        scenarios=("daily writing", "translation"),
        level="semantics",
        raw=answers,
    )


def test_words_without_a_concept_are_asked_nothing_more(templates: Templates) -> None:
    annotation = annotated(templates, "Cannot tell.")
    assert (annotation.outcome, annotation.description) == ("cannot tell", None)
    assert annotation.complete


@pytest.mark.parametrize("step", [0, 1, 2])
def test_an_answer_that_is_not_understood_is_kept_raw_and_named(
    templates: Templates, step: int
) -> None:
    texts = ["names of months", "none", "semantics"]
    texts[step] = "Well,\nthat depends"
    annotation = annotated(templates, *texts[: 1 if step == 0 else 3])
    assert annotation.raw[step] == "Well,\nthat depends"
    assert annotation.unparsed == (("description", "scenarios", "level")[step],)
    assert annotation.complete


def test_an_answer_that_was_cut_short_is_not_understood(templates: Templates) -> None:
    assert annotated(templates, "names of", cut=True).outcome == "unparsed"


def test_a_description_without_its_follow_ups_is_not_complete(templates: Templates) -> None:
    annotation = annotated(templates, "names of months", "none")
    assert annotation.outcome == "described"
    assert not annotation.complete
    assert annotation.unparsed == ()
