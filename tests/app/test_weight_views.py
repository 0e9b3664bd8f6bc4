"""What Heads, Concepts and Components do alike: refuse unlike models, say failures, run again."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from analysis.concepts.request import ConceptsRequest
from analysis.events import Finished
from analysis.heads.request import HeadPairsRequest, NeuronPairsRequest
from analysis.models.request import ArchitectureRequest
from analysis.neurons.request import FrequenciesRequest, NeuronDirectionRequest
from analysis.problems import problem
from analysis.request import Request
from tests.app import components_screen, concepts_screen
from tests.app.pair_app import PairApp, until_shown
from tests.support.scripted_session import answer
from tests.support.scripted_weights import LAYERS, architecture

WIDE, NARROW = (200, 50), (80, 24)


class Weights(NamedTuple):
    """A view of weights.

    Attributes:
        key: Which opens it.
        part: What it asks of every layer or category.
        all_there: What it says once it has all parts.
        keys: What may be pressed when there is nothing to see.
        opened: What two presses of Enter ask, and what is on the screen then; None for neither.
    """

    key: str
    part: type[Request]
    all_there: str
    keys: tuple[str, ...]
    opened: tuple[type[Request], str] | None


VIEWS = {
    "heads": Weights(
        "3",
        HeadPairsRequest,
        f"all {LAYERS} layers are there",
        ("enter", "slash", *"eywnsr"),
        (NeuronPairsRequest, "neuron pair 0"),
    ),
    "concepts": Weights(
        "4",
        ConceptsRequest,
        concepts_screen.ALL_THERE,
        (*"eytpnNxXrlh", "slash", "enter", "left_square_bracket"),
        None,
    ),
    "components": Weights(
        components_screen.KEY,
        FrequenciesRequest,
        components_screen.ALL,
        ("enter", "slash", *"eyvmsufr[}"),
        (NeuronDirectionRequest, "component"),
    ),
}
FAILURES = [
    (name, kind)
    for name, view in VIEWS.items()
    for kind in (ArchitectureRequest, view.part, *(view.opened or ())[:1])
]


@pytest.fixture(autouse=True)
def _exports_go_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", VIEWS)
async def test_models_of_different_shapes_are_not_compared_and_it_is_said(tmp_path, name):
    view = VIEWS[name]

    def script(request):
        if isinstance(request, ArchitectureRequest) and request.model.name == "demo-tuned":
            yield Finished(architecture(request, layers=12))
            return
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=NARROW) as pilot:
        await until_shown(pilot, "Capital of a country")
        await pilot.press(view.key)
        await until_shown(pilot, "have different shapes", "8 layers", "12 layers")
        await pilot.press(*view.keys)
        await pilot.pause(0.1)
        await until_shown(pilot, "have different shapes")
        assert not any(isinstance(each, view.part) for each in pair.session.requests)


@pytest.mark.parametrize(
    ("name", "kind"), FAILURES, ids=[f"{name}-{kind.__name__}" for name, kind in FAILURES]
)
async def test_what_fails_is_said_and_runs_again(tmp_path, name, kind):
    view, broken = VIEWS[name], [True]

    def script(request):
        if isinstance(request, kind) and broken[0]:
            raise problem("engine", "The engine ended.", "It was killed.", "Run it again.")
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=WIDE) as pilot:
        await until_shown(pilot, "Capital of a country")
        await pilot.press(view.key)
        done = view.all_there
        if view.opened is not None and kind is view.opened[0]:
            await until_shown(pilot, view.all_there)
            await pilot.press("enter", "enter")
            done = view.opened[1]
        await until_shown(pilot, "The engine ended.", "It was killed.", "Run it again.", "r runs")
        await until_shown(pilot, " r again")
        broken[0] = False
        await pilot.press("r")
        await until_shown(pilot, done)
