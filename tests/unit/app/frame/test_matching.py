"""Commands are found by what users call them, the surest reading first."""

import pytest

from app.frame.actions import actions_of, described, key_names
from app.frame.matching import Candidate, matches
from app.frame.registry import VIEWS

TITLES = [view.title for view in VIEWS if "pair" in view.workspaces]
ACTIONS = [*actions_of("saliency"), *actions_of("app")]
CANDIDATES = [Candidate(key_names(a, {}), a.label, a.id, described(a, TITLES)) for a in ACTIONS]


def found(query):
    return [CANDIDATES[match.number].id for match in matches(query, CANDIDATES)]


@pytest.mark.parametrize("action", [a for a in ACTIONS if a.id != "app.stop"], ids=lambda a: a.id)
def test_key_label_id_and_description_each_find_their_action_first(action):
    words = described(action, TITLES)
    for typed in (*key_names(action, {}).split(), action.id, words, words.upper()):
        assert found(typed)[0] == action.id, typed
    if action.label:
        assert action.id in found(action.label)[:2]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("ctrl+p", "app.palette"),
        ("Ctrl-P", "app.palette"),
        ("escape", "saliency.stop"),
        ("E", "saliency.export_case"),
        ("heads", "app.view_3"),
        ("csv current", "saliency.export"),
        ("exprt", "saliency.export"),
        ("frzn", "saliency.method"),
        ("doc", "app.doctor"),
    ],
)
def test_other_spellings_parts_and_abbreviations(typed, first):
    assert found(typed)[0] == first


def test_guesses_are_made_only_where_nothing_matches():
    assert found("quit") == ["app.quit", "app.stop"]
    assert not found("zzz")


def test_what_was_typed_is_marked_in_the_line():
    line = Candidate("e", "export", "x.export", "What is shown as a CSV file")
    (match,) = matches("csv", [line])
    assert "".join(line.words[n] for n in match.offsets) == "CSV"
