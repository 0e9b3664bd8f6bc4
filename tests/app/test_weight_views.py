"""What the views of weights do alike: ask in turn, stop, fail, go on, do no harm."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import pytest

from analysis.changes.request import ChangesRequest
from analysis.concepts.request import ConceptsRequest
from analysis.events import Finished, Notice
from analysis.heads.request import HeadPairsRequest, NeuronPairsRequest
from analysis.models.request import ArchitectureRequest
from analysis.neurons.request import FrequenciesRequest, NeuronDirectionRequest
from analysis.problems import Problem, problem
from analysis.request import Request
from tests.app import components_screen, test_changes_view
from tests.app.pair_app import (
    hold_back,
    pair_at,
    requests_of,
    screen,
    started,
    until,
    until_loaded,
    until_shown,
)
from tests.support.scripted_changes import layer_changes
from tests.support.scripted_concepts import layer_concepts
from tests.support.scripted_session import Script, answer
from tests.support.scripted_weights import LAYERS, architecture, head_pairs

WIDE, NARROW = (200, 50), (80, 24)


class Weights(NamedTuple):
    """A view of weights.

    Attributes:
        key: Which opens it.
        part: What it asks of every layer or category.
        all_there: What it says once it has all parts.
        keys: What may be pressed when there is nothing to see.
        waiting: What it says while it has no part, besides how to stop.
        meanwhile: What may be pressed then.
        stopped: What it says when it is stopped then.
        move: The key to the next part; empty where there is nothing to rest on.
        hostile: Answers a request with words that want to be more than words.
        walk: What is pressed to see those, and is on the screen then.
        opened: What two presses of Enter ask, and what is on the screen then; None for neither.
    """

    key: str
    part: type[Request]
    all_there: str
    keys: tuple[str, ...]
    waiting: tuple[str, ...]
    meanwhile: tuple[str, ...]
    stopped: str
    move: str
    hostile: Script
    walk: tuple[tuple[tuple[str, ...], str], ...]
    opened: tuple[type[Request], str] | None


RED, SEARCH = "[red]", ("slash", *"[red]", "enter")
WORDS = (RED, "\x1b[2J", "a\nb", "漢字", "\u202eabc", "e\u0301", "", " ", "-")


def hostile_pairs(request):
    """Head pairs of such words."""
    if isinstance(request, HeadPairsRequest):
        pairs = ((RED, "\x1b[2J"), ("\u202eabc", "a\nb"), ("漢字", "e\u0301"), ("", " "))
        yield Finished(head_pairs(request, pairs=pairs))
    else:
        yield from answer(request)


def hostile_components(request):
    """Components of such words."""
    if isinstance(request, ConceptsRequest):
        yield Finished(layer_concepts(request, words=WORDS))
    else:
        yield from answer(request)


def hostile_changes(request):
    """Changed matrices of such names, along directions of such words."""
    if isinstance(request, ChangesRequest):
        yield Finished(layer_changes(request, words=WORDS, roles=("[red]\x1b[2J", "down")))
    else:
        yield from answer(request)


def hostile_neurons(request):
    """Neurons that write such words."""
    for event in answer(request):
        if isinstance(request, NeuronDirectionRequest):
            event = Finished(msgspec.structs.replace(event.result, words=WORDS[:8]))
        yield event


STOPPED = f"Stopped with 0 of {LAYERS} layers. r goes on."
VIEWS = {
    "heads": Weights(
        "f3",
        HeadPairsRequest,
        f"all {LAYERS} layers are there",
        ("enter", "slash", *"eywnsr"),
        ("not computed yet", "╌╌╌╌"),
        ("m",),
        STOPPED,
        "j",
        hostile_pairs,
        ((("l", "l", "l", "enter"), "= kept"), (SEARCH, "“[red]” in"), ((), "␛[2j")),
        (NeuronPairsRequest, "neuron pair 0"),
    ),
    "concepts": Weights(
        "f4",
        ConceptsRequest,
        f"all {LAYERS} layers are there",
        (*"eytpnNxXrlh", "slash", "enter", "left_square_bracket"),
        ("not computed yet",),
        (*"eyptpppp",),
        STOPPED,
        "right",
        hostile_components,
        (*((("j",), RED),) * 4, (SEARCH, "“[red]” in")),
        None,
    ),
    "changes": Weights(
        test_changes_view.KEY,
        ChangesRequest,
        test_changes_view.ALL_THERE,
        ("enter", "slash", *"eyvnNr[]hl"),
        ("Comparing the first layer",),
        (*"eyv",),
        f"Stopped with 0 of {LAYERS + 1} parts. r goes on.",
        "",
        hostile_changes,
        ((("enter", "enter"), "␛[2J"), (("l",), RED), (("slash", *"[red]", "enter"), "“[red]” in")),
        None,
    ),
    "components": Weights(
        components_screen.KEY,
        FrequenciesRequest,
        components_screen.ALL,
        ("enter", "slash", *"eyvmsufr[}"),
        (),
        (),
        "Stopped with 0 of 6 categories. r goes on.",
        "",
        hostile_neurons,
        ((("enter", "enter"), RED), ((), "a↵b")),
        (NeuronDirectionRequest, "component"),
    ),
}
FAILURES = [
    (name, kind)
    for name, view in VIEWS.items()
    for kind in (ArchitectureRequest, view.part, *(view.opened or ())[:1])
]


@pytest.mark.parametrize("name", VIEWS)
async def test_models_of_different_shapes_are_not_compared_and_it_is_said(tmp_path, name):
    view = VIEWS[name]

    def script(request):
        if isinstance(request, ArchitectureRequest) and request.model.name == "demo-tuned":
            yield Finished(architecture(request, layers=12))
            return
        yield from answer(request)

    async with pair_at(started, tmp_path, size=NARROW, script=script) as (pair, pilot):
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

    async with pair_at(started, tmp_path, size=WIDE, script=script) as (_, pilot):
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


@pytest.mark.parametrize("name", VIEWS)
async def test_escape_stops_and_r_goes_on_with_what_is_shown(tmp_path, name):
    view = VIEWS[name]
    async with pair_at(until_loaded, tmp_path, size=WIDE) as (pair, pilot):
        release = hold_back(pair, view.part)
        await pilot.press(view.key)
        await until_shown(pilot, "esc stops", *view.waiting)
        await pilot.press(*view.meanwhile, "escape")
        await until_shown(pilot, view.stopped)
        if view.move:
            await pilot.press(view.move, view.move, "r")
            await until(pilot, lambda: requests_of(pair, view.part)[-1].layer == 2)
        else:
            await pilot.press("r")
        release()
        await until_shown(pilot, view.all_there)


@pytest.mark.parametrize("name", [name for name, view in VIEWS.items() if view.move])
async def test_the_layer_that_one_rests_on_is_computed_next(tmp_path, name):
    view = VIEWS[name]
    async with pair_at(until_loaded, tmp_path, size=WIDE) as (pair, pilot):
        release = hold_back(pair, view.part)
        await pilot.press(view.key)
        await until_shown(pilot, "esc stops", *view.waiting)
        assert requests_of(pair, view.part)[-1].layer == 0
        await pilot.press(*view.meanwhile[:1] if name == "heads" else ())
        await pilot.press(*[view.move] * 5)
        # On a busy machine the keys may come so slowly that one rests on the layers between, too.
        await until(pilot, lambda: requests_of(pair, view.part)[-1].layer == 5)
        release()
        await until_shown(pilot, view.all_there)


@pytest.mark.parametrize("name", VIEWS)
async def test_notes_and_notices_are_said(tmp_path, name):
    view = VIEWS[name]
    # What is folded into components is the models', everything else a part's.
    noted = ArchitectureRequest if name == "concepts" else view.part

    def script(request):
        if isinstance(request, view.part):
            yield Notice(Problem(kind="storage", what="The disk is [b]full[/b]."))
        for event in answer(request):
            if isinstance(event, Finished) and isinstance(request, noted):
                note = "The \x1b[2J window is short."
                event = Finished(msgspec.structs.replace(event.result, notes=(note,)))
            yield event

    async with pair_at(started, tmp_path, size=WIDE, script=script) as (_, pilot):
        await pilot.press(view.key)
        await until_shown(pilot, "The disk is [b]full[/b].")
        assert "\x1b" not in await until_shown(pilot, view.all_there, "window is short")


@pytest.mark.parametrize("name", VIEWS)
async def test_words_from_anywhere_do_no_harm(tmp_path, name):
    view = VIEWS[name]
    async with pair_at(started, tmp_path, size=WIDE, script=view.hostile) as (_, pilot):
        await pilot.press(view.key)
        await until_shown(pilot, view.all_there)
        for keys, words in view.walk:
            await pilot.press(*keys)
            await until_shown(pilot, words)
            assert not set("\x1b\u202e") & set(screen(pilot.app))
