"""The registry of actions."""

from __future__ import annotations

from collections import Counter

import pytest
from textual.actions import parse

from app.frame.actions import ACTIONS, action_of, actions_of, bindings, key_names
from app.frame.registry import VIEWS

# tmux, screen and flow control take these.
TAKEN = {"ctrl+a", "ctrl+b", "ctrl+j", "ctrl+s", "ctrl+q"}
SCOPES = ["app", *(view.id for view in VIEWS)]


def keys(scope):
    return [key.strip() for a in actions_of(scope) for key in a.keys.split(",") if key]


@pytest.mark.parametrize("scope", SCOPES)
def test_no_key_means_two_things_in_a_view_or_is_one_that_tmux_or_flow_control_takes(scope):
    used = Counter(keys(scope)) + (Counter(keys("app")) if scope != "app" else Counter())
    assert not [key for key in used if used[key] > 1]
    assert not set(keys(scope)) & TAKEN


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.id)
def test_every_action_of_a_view_has_its_method(view):
    module, _, name = view.factory.partition(":")
    made = getattr(__import__(module, fromlist=[name]), name)
    for action in actions_of(view.id):
        assert callable(getattr(made, "action_" + action.action.partition("(")[0]))
    assert view.id == made.SCOPE
    # How to read the view comes first: what is set apart is a formula.
    reading, _, formulas = made.HELP.partition("\n\nFormulas\n\n")
    assert "\n    " not in reading
    assert "\n\n\n" not in made.HELP
    assert formulas == formulas.strip()


def test_every_action_of_the_app_has_its_method():
    from app.main import InsttuiApp

    for action in actions_of("app"):
        assert callable(getattr(InsttuiApp, "action_" + action.action.partition("(")[0]))


def test_every_call_of_a_key_is_known_as_its_action():
    for action in ACTIONS.values():
        _, name, parameters = parse(action.action)
        # ctrl-c and q are one call.
        assert action_of(action.scope, name, parameters) in (action, ACTIONS["app.stop"])
    assert action_of("heads", "scroll_down", ()) is None


def test_every_binding_can_be_rebound_by_its_id():
    for scope in SCOPES:
        for binding in bindings(scope):
            assert binding.id in ACTIONS


def test_keys_are_named_as_on_the_keyboard():
    assert key_names(ACTIONS["app.help"], {}) == "? f1"
    assert key_names(ACTIONS["app.help"], {}, first_only=True) == "?"
    assert key_names(ACTIONS["app.palette"], {"app.palette": "ctrl+o"}) == "ctrl-o"
