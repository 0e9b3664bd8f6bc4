"""Every method has all that its line in the list says."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import pytest

from analysis.methods import METHODS


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.room)
def test_a_method_has_a_room_a_view_a_command_and_studies(method):
    assert find_spec(f"analysis.{method.room}.compute")
    assert find_spec(f"app.views.{method.room}.view")
    command = import_module(f"app.commands.{method.command}")
    assert callable(command.add_arguments)
    assert callable(command.run)
    for study in method.studies:
        module, _, function = study.factory.partition(":")
        assert callable(getattr(import_module(module), function))


def test_no_two_methods_share_a_name():
    for names in (
        [method.room for method in METHODS],
        [method.view[0] for method in METHODS],
        [method.command for method in METHODS],
        [study.name for method in METHODS for study in method.studies],
    ):
        assert len(set(names)) == len(names)
