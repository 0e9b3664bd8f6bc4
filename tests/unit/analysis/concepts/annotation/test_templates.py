"""The templates: what is sent, and files of the user's that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.concepts.annotation.completer import Message
from analysis.concepts.annotation.templates import Template, Templates, load_templates
from analysis.problems import ProblemError
from tests.support.chat_server import sensible

OURS = Path(__file__).parents[5] / "analysis" / "concepts" / "annotation" / "templates.toml"


def test_a_conversation_is_a_role_examples_and_the_question() -> None:
    template = Template("Be short.", "Words: {}", (("a, b", "letters"),), 8)
    asked = template.messages("c, d", system_role=True)
    assert [turn.role for turn in asked] == ["system", "user", "assistant", "user"]
    said = ["Be short.", "Words: a, b", "letters", "Words: c, d"]
    assert [turn.content for turn in asked] == said
    # Without a system role the first question begins with it.
    template = Template("Be short.\n", "Words: {}", (), 8)
    (turn,) = template.messages("c, d", system_role=False)
    assert turn == Message("user", "Be short.\n\nWords: c, d")


def test_braces_in_words_and_wording_stay_as_they_are() -> None:
    template = Template("", "As {json}: {}", (), 8)
    asked = template.messages("{}, {0}", system_role=True)[-1].content
    assert asked == "As {json}: {}, {0}"


def test_our_templates_tell_the_three_steps_apart(templates: Templates) -> None:
    answers = set()
    for step in ("description", "scenarios", "level"):
        first = templates.messages(step, "x")[0]
        answers.add(sensible({"messages": [{"content": first.content}]}))
    assert len(answers) == 3


def test_a_copy_of_our_file_is_used_in_its_place(tmp_path: Path, templates: Templates) -> None:
    copy = tmp_path / "mine.toml"
    copy.write_text(OURS.read_text().replace('turn = "Words: {}"', 'turn = "Here: {}"'))
    assert load_templates(copy).messages("description", "a")[-1].content == "Here: a"
    assert load_templates(copy).level == templates.level


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('turn = "Words: {}"', 'turn = "Words"', "description.turn must contain {} once"),
        ("max_tokens = 16", "max_tokens = 0", "level.max_tokens must be 1 or more"),
        ('"German words", "translation"', '"German words", "tongues"', "'tongues'"),
        ("max_tokens = 16", "longest = 16", "longest"),
        ("[level]", "[levels]", "levels"),
        ("[level]", "[level", "TOML"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_its_reason(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(OURS.read_text().replace(old, new))
    with pytest.raises(ProblemError) as caught:
        load_templates(file)
    assert caught.value.problem.kind == "input"
    if reason != "TOML":
        assert reason in caught.value.problem.why


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match=r"no\.toml") as caught:
        load_templates(tmp_path / "no.toml")
    assert caught.value.problem.kind == "storage"
