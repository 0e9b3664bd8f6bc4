"""The Concepts view, driven by keys."""

from __future__ import annotations

import base64
import csv

import msgspec
import numpy as np
import pytest

from analysis.concept_changes import component_changes, component_words, mean_angle
from analysis.concept_tables import CONCEPT_COLUMNS, Description, concepts_table
from analysis.events import Finished, Notice
from analysis.problems import Problem, problem
from analysis.requests import ArchitectureRequest, ConceptsRequest
from app.config import Settings
from app.views.concepts.component_list import ConceptList
from app.views.concepts.view import ConceptsView
from app.widgets.plot import Plot
from tests.app.pair_app import PairApp, screen, until, until_loaded, until_shown
from tests.support.scripted_concepts import NOTE, RANK, layer_concepts
from tests.support.scripted_session import answer
from tests.support.scripted_weights import LAYERS, architecture

WIDE, NARROW = (200, 50), (80, 24)
ALL_THERE = f"all {LAYERS} layers are there"


@pytest.fixture(autouse=True)
def _exports_go_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


async def shown_concepts(pilot):
    """Open the view and wait for all layers."""
    await until_shown(pilot, "Capital of a country")
    await pilot.press("4")
    return await until_shown(pilot, ALL_THERE)


def requests_of(pair, kind):
    return [request for request in pair.session.requests if isinstance(request, kind)]


def layer_of(pair, layer, expert=-1):
    return layer_concepts(pair.workspace.concepts_request(layer, expert))


def line_with(shown, start):
    """The first line of the screen that begins with these words."""
    return next(line for line in shown.splitlines() if line.split()[:1] == [start])


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_row_has_the_base_component_and_the_tuned_one_that_matches(tmp_path, size):
    pair = PairApp(tmp_path)
    async with pair.running(size=size) as pilot:
        shown = await shown_concepts(pilot)
        layer = layer_of(pair, 0)
        row = line_with(shown, "4").split()
        matched = int(layer.matched[4])
        assert matched == 5
        assert row[1] == f"{100 * layer.base.explained_variance[4]:.2f}"
        place = row.index(f"{layer.angles[4]:.1f}°")
        assert row[place + 1 : place + 3] == [
            "5",
            f"{100 * layer.tuned.explained_variance[5]:.2f}",
        ]
        for words, side, component in (
            (row[2:4], layer.base, 4),
            (row[place + 3 :], layer.tuned, 5),
        ):
            for word, expected, measure in zip(
                words[:2],
                component_words(side, component),
                side.measures[component],
                strict=False,
            ):
                assert word == ("−" if measure < 0 else "") + expected


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_line_above_says_what_the_layer_holds_and_how_far_it_turned(tmp_path, size):
    pair = PairApp(tmp_path)
    async with pair.running(size=size) as pilot:
        await shown_concepts(pilot)
        await pilot.press("right", "right")
        layer = layer_of(pair, 2)
        base, tuned = (
            f"{100 * side.explained_variance.sum():.0f}" for side in (layer.base, layer.tuned)
        )
        shown = await until_shown(pilot, "layer 2", f"{base}→{tuned} %", f"{RANK} components")
        assert f"subspaces turned by {layer.subspace_angles.mean():.1f}°" in shown
        assert (f"components by {mean_angle(layer):.1f}°" in shown) == (size == WIDE)
        assert NOTE in shown


async def test_where_components_span_the_whole_space_no_subspace_is_said_to_turn(tmp_path):
    def script(request):
        if isinstance(request, ArchitectureRequest):
            yield Finished(msgspec.structs.replace(architecture(request), width=RANK))
            return
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=WIDE) as pilot:
        shown = await shown_concepts(pilot)
        assert "together they span the whole space" in shown
        assert "subspaces turned" not in shown


async def test_every_layer_is_asked_once_in_order(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running() as pilot:
        await shown_concepts(pilot)
        asked = requests_of(pair, ConceptsRequest)
        assert asked == [pair.workspace.concepts_request(layer) for layer in range(LAYERS)]
        await pilot.press("1", "4")
        await pilot.pause(0.1)
        assert requests_of(pair, ConceptsRequest) == asked


async def test_the_words_gained_and_lost_by_the_row_under_the_cursor_stand_below(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=WIDE) as pilot:
        await shown_concepts(pilot)
        await pilot.press("j", "j", "j")
        change = list(component_changes(layer_of(pair, 0)))[3]
        assert change.gained
        gained = f"gained {len(change.gained)}: {' '.join(change.gained)}"
        lost = f"lost {len(change.lost)}: {' '.join(change.lost)}"
        await until_shown(pilot, gained, lost, "kept ")
        await pilot.press("end")
        await until_shown(pilot, f"base {RANK - 1} ")


async def test_layers_are_chosen_with_arrows_and_brackets_and_the_rank_stays(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running() as pilot:
        await shown_concepts(pilot)
        await pilot.press("j", "j", "right")
        await until_shown(pilot, "layer 1 ", "base 2 ")
        await pilot.press("right_square_bracket", "l", "left_square_bracket")
        await until_shown(pilot, "layer 2 ", "base 2 ")
        await pilot.press(*["h"] * 5)
        await until_shown(pilot, "layer 0 ")
        await pilot.press(*["right"] * 20)
        await until_shown(pilot, f"layer {LAYERS - 1} ")


async def test_a_word_is_found_in_all_layers_and_n_goes_on(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=WIDE) as pilot:
        await shown_concepts(pilot)
        places = [
            (number, component)
            for number in range(LAYERS)
            for component, matched in enumerate(layer_of(pair, number).matched)
            if "essay" in component_words(layer_of(pair, number).base, component)
            or "essay" in component_words(layer_of(pair, number).tuned, matched)
        ]
        in_base = sum(
            "essay" in component_words(layer_of(pair, number).base, component)
            for number in range(LAYERS)
            for component in range(RANK)
        )
        await pilot.press("slash", *"Essay", "enter")
        await until_shown(pilot, f"“Essay” in components of {LAYERS} layers: base {in_base} ·")
        assert len(pair.app.query_one(ConceptsView)._found.places) == len(places)
        await pilot.press("j", "enter")
        layer, component = places[1]
        await until_shown(pilot, f"layer {layer} ", f"base {component} ")
        last_layer, last = places[-1]
        await pilot.press("N", "N")
        await until_shown(pilot, f"layer {last_layer} ", f"base {last} ", f"{len(places)} of")
        await pilot.press("n")
        await until_shown(pilot, f"layer {places[0][0]} ", f"base {places[0][1]} ", "1 of")
        await pilot.press("slash", *"zebra", "enter")
        await until_shown(pilot, "“zebra” stands in no component")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_key_goes_through_the_plots_and_another_shows_the_numbers(tmp_path, size):
    pair = PairApp(tmp_path)
    async with pair.running(size=size) as pilot:
        await shown_concepts(pilot)
        await pilot.press("p")
        shown = await until_shown(pilot, "explained variance in % by component, layer 0")
        assert any(0x2800 < ord(character) < 0x2900 for character in shown)
        await pilot.press("t")
        share = layer_of(pair, 0).tuned.explained_variance[1]
        await until_shown(pilot, "variance_base", "cumulative_tuned", f"{share:.4g}")
        await pilot.press("t", "p")
        await until_shown(pilot, "variance of the first components together")
        await pilot.press("p")
        await until_shown(pilot, "angle in degrees by layer")
        await pilot.press("t")
        await until_shown(pilot, "mean_subspace_angle", f"{mean_angle(layer_of(pair, 7)):.4g}")
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pair.app.focused, ConceptList))
        await pilot.press("p", "escape")
        await until(pilot, lambda: isinstance(pair.app.focused, ConceptList))
        await pilot.press("escape")
        await until_shown(pilot, "Capital of a country")


async def test_a_plot_follows_the_layer(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running() as pilot:
        await shown_concepts(pilot)
        await pilot.press("p", "right", "right")
        await until_shown(pilot, "by component, layer 2")


async def test_a_plot_of_a_layer_that_is_not_there_is_empty(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running() as pilot:
        await until_loaded(pilot, pair)
        release = hold_layers_back(pair)
        await pilot.press("4")
        await until_shown(pilot, "not computed yet")
        await pilot.press("p")
        await until_shown(pilot, "by component", "nothing to plot yet")
        release()
        await until_shown(pilot, "by component, layer 0", ALL_THERE)


class Described:
    """Every fourth component has a description."""

    def find(self, model, layer, expert, component):
        if component % 4:
            return None
        level = "semantics" if component % 8 else "morphology"
        return Description(f"[b]thing[/b] {component} of {model}", ("math", "coding"), level)


async def test_descriptions_stand_beside_the_words_and_below(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=WIDE) as pilot:
        shown = await shown_concepts(pilot)
        assert "insttui concepts --annotate" in shown
        assert "OPENAI_API_KEY" in shown
        pair.app.query_one(ConceptsView).describe(Described())
        shown = await until_shown(pilot, "description", "scenarios", "not described")
        assert "[b]thing[/b] 4 of demo-tuned" in line_with(shown, "5")
        assert "OPENAI_API_KEY" not in shown
        await pilot.press("j")
        await until_shown(pilot, "tuned: [b]thing[/b] 0 of demo-tuned · math, coding · morphology")
        await pilot.press("p", "p", "p", "p")
        shown = await until_shown(pilot, "levels in % by layer, demo-base")
        assert "phonology" in shown
        await pilot.press("p", "t")
        await until_shown(pilot, "percent", "demo-tuned")


async def test_without_an_endpoint_a_narrow_screen_says_how_to_add_one(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=NARROW) as pilot:
        shown = await shown_concepts(pilot)
        assert "OPENAI_API_KEY or OPENAI_BASE_URL" in shown
        assert "insttui concepts --annotate" in " ".join(shown.split())


async def test_experts_are_chosen_with_a_key_and_asked_for_when_they_are(tmp_path):
    def script(request):
        if isinstance(request, ArchitectureRequest):
            yield Finished(msgspec.structs.replace(architecture(request), experts=3))
            return
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running() as pilot:
        await shown_concepts(pilot)
        assert {request.expert for request in requests_of(pair, ConceptsRequest)} == {0}
        await pilot.press("right", "x")
        await until_shown(pilot, "layer 1 · expert 1", ALL_THERE)
        assert requests_of(pair, ConceptsRequest)[LAYERS] == pair.workspace.concepts_request(1, 1)
        await pilot.press("X", "X")
        await until_shown(pilot, "expert 2", ALL_THERE)
        await pilot.press("e")
        await until_shown(pilot, "Exported to")
        count = len(requests_of(pair, ConceptsRequest))
        await pilot.press("x")
        await until_shown(pilot, "expert 0", ALL_THERE)
        assert len(requests_of(pair, ConceptsRequest)) == count == 3 * LAYERS
    (path,) = tmp_path.glob("*.csv")
    with path.open(encoding="utf-8", newline="") as stream:
        assert {row["expert"] for row in csv.DictReader(stream)} == {"2"}


async def test_the_export_is_the_table_of_all_layers_or_of_the_plot(tmp_path):
    pair = PairApp(tmp_path, names=("base,[b]\x1b[0m/../", '"tuned"'))
    async with pair.running() as pilot:
        await shown_concepts(pilot)
        await pilot.press("e")
        await until_shown(pilot, "Exported to")
        (path,) = tmp_path.glob("*.csv")
        await pilot.press("p", "p", "p", "e")
        await until(pilot, lambda: len(list(tmp_path.glob("*.csv"))) == 2)
    assert not set(path.name) & set('[]\x1b/,"')
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    assert tuple(header) == CONCEPT_COLUMNS
    expected = concepts_table([layer_of(pair, layer) for layer in range(LAYERS)])
    assert rows == [["" if cell is None else str(cell) for cell in row] for row in expected]
    (rotations,) = tmp_path.glob("concepts-rotation-*.csv")
    assert len(rotations.read_text(encoding="utf-8").splitlines()) == 1 + LAYERS


async def test_copying_takes_the_row_or_the_numbers_of_the_plot(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=WIDE) as pilot:
        await shown_concepts(pilot)
        written = []
        pair.app._driver.write = written.append

        async def copied(*keys):
            written.clear()
            await pilot.press(*keys)
            await until(pilot, lambda: any("\x1b]52;c;" in text for text in written))
            osc = next(text for text in written if text.startswith("\x1b]52;c;"))
            return base64.b64decode(osc.removeprefix("\x1b]52;c;").removesuffix("\x07")).decode()

        text = await copied("j", "y")
        layer = layer_of(pair, 0)
        change = list(component_changes(layer))[1]
        assert f"gained: {' '.join(change.gained)}" in text
        assert f"angle {layer.angles[1]:.2f} degrees" in text
        assert f"{layer.base.measures[1][0]:.3f}" in text
        text = await copied("p", "y")
        assert text.splitlines()[0].split("\t")[0] == "component"
        assert len(text.splitlines()) == 1 + RANK


async def test_models_of_different_shapes_are_not_compared_and_it_is_said(tmp_path):
    def script(request):
        if isinstance(request, ArchitectureRequest) and request.model.name == "demo-tuned":
            yield Finished(architecture(request, layers=12))
            return
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running() as pilot:
        await until_shown(pilot, "Capital of a country")
        await pilot.press("4")
        await until_shown(pilot, "have different shapes", "8 layers", "12 layers")
        await pilot.press(*"eytpnNxXrlh", "slash", "enter", "left_square_bracket")
        await pilot.pause(0.1)
        await until_shown(pilot, "have different shapes")
        assert not requests_of(pair, ConceptsRequest)


@pytest.mark.parametrize("kind", [ArchitectureRequest, ConceptsRequest])
async def test_what_fails_is_said_and_runs_again(tmp_path, kind):
    broken = [True]

    def script(request):
        if isinstance(request, kind) and broken[0]:
            raise problem("engine", "The engine ended.", "It was killed.", "Run it again.")
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=WIDE) as pilot:
        await until_shown(pilot, "Capital of a country")
        await pilot.press("4")
        await until_shown(pilot, "The engine ended.", "It was killed.", "Run it again.", "r runs")
        await until_shown(pilot, " r again")
        broken[0] = False
        await pilot.press("r")
        await until_shown(pilot, ALL_THERE)


async def test_escape_stops_and_r_goes_on_with_the_layer_that_is_shown(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=WIDE) as pilot:
        await until_loaded(pilot, pair)
        release = hold_layers_back(pair)
        await pilot.press("4")
        await until_shown(pilot, "esc stops", "not computed yet")
        await pilot.press("e", "y", "p", "t", "p", "p", "p")
        await pilot.press("escape")
        await until_shown(pilot, f"Stopped with 0 of {LAYERS} layers. r goes on.")
        await pilot.press("right", "right", "r")
        await until(pilot, lambda: requests_of(pair, ConceptsRequest)[-1].layer == 2)
        release()
        await until_shown(pilot, ALL_THERE)


async def test_the_layer_that_one_rests_on_is_computed_next(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=WIDE) as pilot:
        await until_loaded(pilot, pair)
        release = hold_layers_back(pair)
        await pilot.press("4")
        await until_shown(pilot, "esc stops", "not computed yet")
        await pilot.press(*["right"] * 5)
        await until(pilot, lambda: len(requests_of(pair, ConceptsRequest)) > 1)
        assert [request.layer for request in requests_of(pair, ConceptsRequest)] == [0, 5]
        release()
        await until_shown(pilot, ALL_THERE)


def hold_layers_back(pair):
    """From now on, no components; returns what lets them through."""
    session, script = pair.session, pair.session._script

    def held(request):
        if isinstance(request, ConceptsRequest):
            session.gate.clear()
        yield from script(request)

    def release():
        session._script = script
        session.gate.set()

    session._script = held
    return release


async def test_words_from_anywhere_do_no_harm(tmp_path):
    hostile = ("[red]", "\x1b[2J", "‮abc", "a\nb", "漢字", "e\u0301", "", " ", "-")

    def script(request):
        if isinstance(request, ConceptsRequest):
            yield Finished(layer_concepts(request, words=hostile))
            return
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=NARROW) as pilot:
        shown = await shown_concepts(pilot)
        for _ in range(4):
            assert "\x1b" not in shown
            assert "‮" not in shown
            await pilot.press("j")
            shown = screen(pair.app)
        await pilot.press("slash", *"[red]", "enter")
        await until_shown(pilot, "“[red]” in")


@pytest.mark.parametrize("rank", [0, 1, 2])
async def test_layers_with_hardly_any_component_are_shown_too(tmp_path, rank):
    def script(request):
        if isinstance(request, ConceptsRequest):
            yield Finished(layer_concepts(request, rank=rank))
            return
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running() as pilot:
        await shown_concepts(pilot)
        await until_shown(pilot, f"{rank} components")
        await pilot.press("j", "y", "p", "t", "p", "p", "t", "escape", "e")
        await until_shown(pilot, "Exported to")


async def test_a_component_without_a_match_is_said_to_have_none(tmp_path):
    def script(request):
        if isinstance(request, ConceptsRequest):
            whole = layer_concepts(request, rank=4)
            matched = np.array([0, 1, 2, -1], np.int32)
            angles = np.array([1.0, 2.0, 3.0, np.nan])
            yield Finished(msgspec.structs.replace(whole, matched=matched, angles=angles))
            return
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running() as pilot:
        shown = await shown_concepts(pilot)
        assert shown.count("no match") == 2
        assert pair.app.query_one(ConceptList).count == 5
        await pilot.press("end")
        await until_shown(pilot, "base has no match", "tuned 3 ")
        await pilot.press("up")
        await until_shown(pilot, "tuned has no match", "base 3 ")


async def test_notes_and_notices_are_said(tmp_path):
    def script(request):
        if isinstance(request, ArchitectureRequest):
            yield Finished(msgspec.structs.replace(architecture(request), notes=("Norms stay.",)))
            return
        if isinstance(request, ConceptsRequest) and request.layer == 0:
            yield Notice(Problem(kind="storage", what="The disk is [b]full[/b]."))
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=WIDE) as pilot:
        await until_shown(pilot, "Capital of a country")
        await pilot.press("4")
        await until_shown(pilot, "The disk is [b]full[/b].")
        await until_shown(pilot, "Norms stay.")


async def test_plain_ascii_draws_plots_and_signs_in_ascii(tmp_path):
    pair = PairApp(tmp_path, settings=Settings(ascii=True))
    async with pair.running() as pilot:
        shown = await shown_concepts(pilot)
        assert "−" not in shown
        assert " -" in line_with(shown, "1")
        await pilot.press("p")
        await until_shown(pilot, "o demo-base  x demo-tuned")
        drawn = "".join(text for line in pair.app.query_one(Plot)._drawn for text, _ in line)
        assert drawn.isascii()


async def test_only_rows_in_sight_are_made(tmp_path, monkeypatch):
    def script(request):
        if isinstance(request, ConceptsRequest):
            yield Finished(layer_concepts(request, rank=300))
            return
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running() as pilot:
        await shown_concepts(pilot)
        items = pair.app.query_one(ConceptList)
        drawn = []
        draw = items._draw
        monkeypatch.setattr(
            items, "_draw", lambda index, width: drawn.append(index) or draw(index, width)
        )
        await pilot.press("end")
        await until_shown(pilot, "base 299 ")
        assert 0 < len(set(drawn)) <= 2 * items.size.height
