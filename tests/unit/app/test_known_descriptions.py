"""The app shows what the last annotator said, and asks nobody."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.concepts.annotation.answer_file import AnswerFile
from analysis.concepts.annotation.first_descriptions import subjects_of
from analysis.concepts.annotation.runner import annotate
from analysis.concepts.annotation.templates import load_templates
from analysis.concepts.result import Components, LayerConcepts
from app import known_descriptions
from app.config import Annotation
from app.known_descriptions import KnownDescriptions, answers_path, remember_annotator
from tests.support.scripted_completer import ScriptedCompleter, by_step


def components(name):
    indices = np.arange(6, dtype=np.int32).reshape(2, 3)
    words = tuple(f"{name}{n}" for n in range(6))
    return Components(name, np.array([0.5, 0.3]), words, indices, np.ones((2, 3), np.float32))


LAYER = LayerConcepts(
    layer=4,
    expert=-1,
    base=components("base"),
    tuned=components("tuned"),
    matched=np.array([0, 1], np.int32),
    angles=np.zeros(2),
    subspace_angles=np.zeros(2),
    notes=(),
    seconds=0.0,
)


@pytest.fixture(autouse=True)
def _data_lie_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(known_descriptions, "user_data_path", lambda *_, **__: tmp_path)


def test_nothing_is_known_at_first_and_then_what_the_last_annotator_said_is_found_by_component():
    nothing = KnownDescriptions(Annotation(model="somebody"))
    nothing.take(LAYER)
    assert len(nothing) == 0
    assert nothing.find("base", 4, -1, 0) is None
    completer = ScriptedCompleter(by_step("numbered words", "none", "morphology"))
    annotate(subjects_of([LAYER]), completer, load_templates(), AnswerFile(answers_path()))
    remember_annotator(completer.model)
    known = KnownDescriptions(Annotation(model="somebody else"))
    known.take(LAYER)
    assert len(known) == 4
    found = known.find("tuned", 4, -1, 1)
    assert found is not None
    assert (found.text, found.level) == ("numbered words", "morphology")
    assert known.find("tuned", 5, -1, 1) is None
