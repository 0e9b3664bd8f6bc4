"""The Heads view, driven by keys."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from analysis.events import Finished
from analysis.heads.changes import compare_head, head_changes
from analysis.heads.gather import layer_asks
from analysis.heads.request import HeadPairsRequest, NeuronPairsRequest
from analysis.heads.word_counts import words_table
from analysis.models.request import ArchitectureRequest, Gap
from app.views.heads.overview import HeadOverview, HeadRanking
from app.views.heads.view import HeadsView
from app.widgets.head_map import HeadMap
from app.widgets.scale import Span
from app.widgets.search_bar import SearchBar
from tests.app.pair_app import (
    copied,
    csv_rows,
    hold_back,
    pair_at,
    requests_of,
    screen,
    started,
    until,
    until_shown,
)
from tests.support.scripted_session import answer
from tests.support.scripted_weights import HEADS, LAYERS, architecture, head_pairs

WIDE, NARROW = (160, 40), (80, 24)
TO_THE_FIRST = ("home", *["k"] * LAYERS)
"""In the map, to layer 0 and head 0."""


async def shown_heads(pilot):
    """Open the view and wait for all layers."""
    await until_shown(pilot, "Capital of a country")
    await pilot.press("f3")
    return await until_shown(pilot, f"all {LAYERS} layers are there")


def layer_of(pair, layer):
    """A layer of base and tuned model."""
    work = pair.workspace
    (ask,) = layer_asks(work.pair, [layer], work.words, work.vectors)
    return [head_pairs(request) for request in ask.requests]


def head_map(pair):
    return pair.app.query_one(HeadMap)


def ranked(pair):
    """Every head's layer, number and comparison, those that changed most first."""
    heads = [
        (layer, head, compare_head(*layer_of(pair, layer), head))
        for layer in range(LAYERS)
        for head in range(HEADS)
    ]
    return sorted(heads, key=lambda each: (-each[2].change, *each[:2]))


async def test_every_layer_is_asked_of_both_models_once_and_the_map_shows_every_change(tmp_path):
    async with pair_at(shown_heads, tmp_path, size=WIDE) as (pair, pilot):
        changes = [head_changes(*layer_of(pair, layer)) for layer in range(LAYERS)]
        assert head_map(pair).map.levels.tolist() == Span.of(changes).levels(changes).tolist()
        assert not head_map(pair).map.gaps.any()
        assert len(requests_of(pair, ArchitectureRequest)) == 2
        asked = [(r.layer, r.model.name) for r in requests_of(pair, HeadPairsRequest)]
        assert asked == [(n, m) for n in range(LAYERS) for m in ("demo-base", "demo-tuned")]
        await pilot.press("1", "f3")
        await pilot.pause(0.1)
        assert len(requests_of(pair, HeadPairsRequest)) == len(asked)


async def test_a_layer_without_heads_is_asked_nothing_and_says_why(tmp_path):
    heads = (HEADS, 0, *[HEADS] * (LAYERS - 3), 2)

    def script(request):
        if isinstance(request, ArchitectureRequest):
            gaps = (Gap(1, "keeps a state instead of attending"),)
            built = architecture(request)
            yield Finished(msgspec.structs.replace(built, layer_heads=heads, without_heads=gaps))
        elif isinstance(request, HeadPairsRequest):
            yield Finished(head_pairs(request, heads=heads[request.layer]))
        else:
            yield from answer(request)

    async def shown(pilot):
        await until_shown(pilot, "Capital of a country")
        await pilot.press("f3")
        return await until_shown(pilot, f"all {LAYERS - 1} layers are there")

    async with pair_at(shown, tmp_path, size=WIDE, script=script) as (pair, pilot):
        asked = {request.layer for request in requests_of(pair, HeadPairsRequest)}
        assert asked == {*range(LAYERS)} - {1}
        assert head_map(pair).map.gaps.tolist() == [layer == 1 for layer in range(LAYERS)]
        await pilot.press("m", "home", *["k"] * LAYERS, "j")
        await until_shown(pilot, "layer 1", "left out: it keeps a state instead of attending")
        # There is nothing to open.
        await pilot.press("enter", "enter")
        await pilot.pause()
        assert not requests_of(pair, NeuronPairsRequest)
        await pilot.press("escape", "w")
        await until_shown(pilot, "instruction")
        await pilot.press("escape", *["j"] * (LAYERS - 2), *"lllllll")
        await until_shown(pilot, f"layer {LAYERS - 1} has 2 heads")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_head_under_the_cursor_is_said_in_numbers(tmp_path, size):
    async with pair_at(shown_heads, tmp_path, size=size) as (pair, pilot):
        await pilot.press("m", *TO_THE_FIRST, "j", "l", "l")
        comparison = compare_head(*layer_of(pair, 1), 2)
        shown = await until_shown(pilot, "layer 1 · head 2", f"change {comparison.change:.2f}")
        gained = comparison.of("gained")[0]
        assert f"{gained.word_a}={gained.word_b}" in shown
        assert f"×{gained.count_tuned}" in shown
        assert "the demo's own word vectors" in shown


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_it_opens_on_the_head_that_changed_most_and_says_so(tmp_path, size):
    async with pair_at(shown_heads, tmp_path, size=size) as (pair, pilot):
        heads = ranked(pair)
        (layer, head, most), (second_layer, second, _) = heads[:2]
        gained, kept = (len(most.of(status)) for status in ("gained", "kept"))
        words = (
            f"layer {layer} · head {head} most: {gained} of its word pairs are new, {kept} kept."
        )
        await until_shown(pilot, f"Tuning changed {words}", f"layer {layer} · head {head}  change")
        assert head_map(pair).cursor == (layer, head)
        ranking = pair.app.query_one(HeadRanking)
        assert ranking.cells[:3] == (layer, head, most.change)
        assert ranking.total == LAYERS * HEADS
        await pilot.press("j")
        await until_shown(pilot, f"layer {second_layer} · head {second}  change")
        assert head_map(pair).cursor == (second_layer, second)


async def test_the_cursor_stays_on_the_head_that_one_went_to_while_layers_come(tmp_path):
    async with pair_at(started, tmp_path, size=WIDE) as (pair, pilot):
        await until_shown(pilot, "Capital of a country")
        release = hold_back(pair, HeadPairsRequest)
        await pilot.press("f3")
        await until_shown(pilot, "No head is compared yet")
        await pilot.press("m", "l", "l")
        release()
        await until_shown(pilot, f"all {LAYERS} layers are there")
        assert pair.app.query_one(HeadOverview).place == (0, 2)
        assert pair.app.query_one(HeadRanking).place == (0, 2)


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_words_that_more_and_fewer_heads_relate_are_named_and_lead_to_their_heads(
    tmp_path, size
):
    async with pair_at(shown_heads, tmp_path, size=size) as (pair, pilot):
        layers = [layer_of(pair, layer) for layer in range(LAYERS)]
        rows = list(words_table(*zip(*layers, strict=True)))
        more = next(row for row in rows if row[3] > 0)
        fewer = next(row for row in rows if row[3] < 0)
        await until_shown(
            pilot,
            f"+ more heads relate  {more[0]} {more[1]}→{more[2]}",
            f"− fewer heads relate  {fewer[0]} {fewer[1]}→{fewer[2]}",
        )
        await pilot.press("m", "m", "enter")
        await until_shown(pilot, f"“{rows[0][0]}” in")
        assert pair.app.query_one(HeadsView)._found.count >= max(rows[0][1:3])


async def test_while_a_word_is_typed_its_heads_stand_in_place_of_all(tmp_path):
    async with pair_at(shown_heads, tmp_path, size=NARROW) as (pair, pilot):
        assert "type a word: which heads relate it?" in screen(pair.app)
        found = pair.app.query_one(HeadsView)._found
        await pilot.press("slash", *"essa")
        await until_shown(pilot, "pairs “essa”")
        assert not found.region.area
        await pilot.press("y")
        await until_shown(pilot, "heads relate it")
        assert found.region.area
        assert isinstance(pair.app.focused, SearchBar)
        await pilot.press("down")
        await until(pilot, lambda: pair.app.focused is found)
        await pilot.press("escape", "slash", *"essay", "escape")
        await until(pilot, lambda: pair.app.focused is pair.app.query_one(HeadRanking))
        assert not found.region.area
        assert "type a word: which heads relate it?" in screen(pair.app)


async def test_all_pairs_of_a_head_stand_beside_the_map_and_are_walked(
    tmp_path,
):
    async with pair_at(shown_heads, tmp_path, size=WIDE) as (pair, pilot):
        await pilot.press("m", *TO_THE_FIRST, "j", "l")
        await until_shown(pilot, "layer 1 · head 1")
        shown = screen(pair.app)
        comparison = compare_head(*layer_of(pair, 1), 1)
        assert {pair.status for pair in comparison.word_pairs} == {"kept", "gained", "lost"}
        for each in comparison.word_pairs:
            assert f"{each.word_a}={each.word_b}" in shown
        for status in ("kept", "gained", "lost"):
            assert f"{status} {len(comparison.of(status))} " in shown
        await pilot.press("enter")
        await pilot.pause()
        names = []
        for key in ("l", "right", "l", "h"):
            names.append(pair.app.focused.id)
            await pilot.press(key)
        assert names == ["kept", "gained", "lost", "kept"]


async def test_enter_opens_the_head_and_its_neuron_pairs_and_escape_leads_back(tmp_path):
    async with pair_at(shown_heads, tmp_path, size=NARROW) as (pair, pilot):
        await pilot.press("m", *TO_THE_FIRST, "j", "l", "enter")
        await until_shown(pilot, "= kept", "+ gained", "− lost")
        assert not requests_of(pair, NeuronPairsRequest)
        await pilot.press("enter")
        await until_shown(pilot, "16 neuron pairs", "demo-tuned · neuron pair 0")
        asked = [(r.layer, r.head, r.model.name) for r in requests_of(pair, NeuronPairsRequest)]
        assert asked == [(1, 1, "demo-base"), (1, 1, "demo-tuned")]
        await pilot.press("j", "j", "j", "s")
        await until_shown(pilot, "demo-base · neuron pair 3 · 3 pairs")
        await pilot.press("escape")
        await until_shown(pilot, "= kept 5")
        await pilot.press("escape")
        await until(pilot, lambda: pair.app.focused is head_map(pair))
        await pilot.press("escape")
        await until_shown(pilot, "Capital of a country")


async def test_a_word_is_found_in_all_heads_and_the_verb_table_says_what_it_rests_on(tmp_path):
    async with pair_at(shown_heads, tmp_path, size=NARROW) as (pair, pilot):
        places = pair.app.query_one(HeadsView)._atlas.find("ESSAY")
        assert len(places) > 3
        await pilot.press("slash", *"Essay", "enter")
        await until_shown(pilot, f"“Essay” in {len(places)} heads of {LAYERS} layers")
        await pilot.press("j", "enter")
        second, third = places[1:3]
        await until_shown(pilot, f"layer {second.layer} · head {second.head}", "write=essay")
        await pilot.press("n")
        await until_shown(pilot, f"layer {third.layer} · head {third.head}", "3 of")
        await pilot.press("N", "N")
        await until_shown(pilot, f"layer {places[0].layer} · head {places[0].head}", "1 of")
        for there in (f"“Essay” in {len(places)} heads", "m map"):
            await pilot.press("escape")
            await until_shown(pilot, there)
        await pilot.press("slash", *"zebra", "enter")
        await until(pilot, lambda: pair.app.focused is pair.app.query_one(HeadRanking))
        # It stays until one goes on.
        pair.app.query_one(HeadsView).engine_changed(pair.app.status)
        await until_shown(pilot, "No head of the 8 layers computed so far pairs “zebra”.")
        await pilot.press("w")
        shown = await until_shown(pilot, "It rests on 8 of 8 layers.")
        assert "0–1" in shown
        assert "6–7" in shown
        await pilot.press("escape")
        await until(pilot, lambda: pair.app.focused is pair.app.query_one(HeadRanking))


async def test_the_export_holds_the_pairs_of_all_layers(tmp_path):
    async with pair_at(
        shown_heads, tmp_path, size=WIDE, names=("base,[b]\x1b[0m/../", '"tuned"')
    ) as (pair, pilot):
        await pilot.press("e")
        await until(pilot, lambda: len(list(tmp_path.glob("*.csv"))) == 3)
        await pair.app.workers.wait_for_complete()
    others = *tmp_path.glob("heads-changes*"), *tmp_path.glob("heads-by-word*")
    (path,) = set(tmp_path.glob("*.csv")) - set(others)
    assert not set(path.name) & set('[]\x1b/,"')
    rows = csv_rows(path)
    columns = ["layer", "head", "rank", "word_a", "word_b", "count_base", "count_tuned", "status"]
    assert list(rows[0]) == columns
    expected = [
        [str(layer), str(head), str(rank), each.word_a, each.word_b]
        for layer in range(LAYERS)
        for head in range(HEADS)
        for rank, each in enumerate(compare_head(*layer_of(pair, layer), head).word_pairs, 1)
    ]
    assert [[row[name] for name in columns[:5]] for row in rows] == expected


async def test_copying_takes_the_pairs_under_the_cursor(tmp_path):
    async with pair_at(shown_heads, tmp_path, size=WIDE) as (pair, pilot):
        text = await copied(pilot, "m", *TO_THE_FIRST, "j", "l", "y")
        await until_shown(pilot, "copied.txt")
        for each in compare_head(*layer_of(pair, 1), 1).word_pairs:
            line = f"{each.word_a}={each.word_b} {each.count_base} {each.count_tuned}\n"
            assert line in text


async def test_heads_without_any_pair_are_heads_too(tmp_path):
    def script(request):
        for event in answer(request):
            if isinstance(event, Finished) and isinstance(request, HeadPairsRequest):
                none = np.zeros(0, np.int32)
                empty = {"first": none, "second": none, "count": none, "words": ()}
                starts = np.zeros(HEADS + 1, np.int64)
                whole = msgspec.structs.replace(event.result, starts=starts, **empty)
                event = Finished(whole)
            yield event

    async with pair_at(shown_heads, tmp_path, size=NARROW, script=script) as (_, pilot):
        await until_shown(pilot, "change 0.00", "pairs 0→0", "Tuning changed no head's")
        await pilot.press("enter", "j", "l", "y", "escape", "w", "escape", "e")
        await until_shown(pilot, "Exported to")


@pytest.mark.parametrize("shape", [(1, 1), (80, 64), (126, 128)])
async def test_models_of_any_size_are_walked_through_in_terminals_of_any_size(tmp_path, shape):
    layers, heads = shape

    def script(request):
        if isinstance(request, ArchitectureRequest):
            yield Finished(architecture(request, layers=layers, heads=heads))
        elif isinstance(request, HeadPairsRequest):
            yield Finished(head_pairs(request, heads=heads))
        else:
            yield from answer(request)

    async with pair_at(started, tmp_path, size=(200, 50), script=script) as (pair, pilot):
        await pilot.press("f3")
        await until_shown(pilot, f"all {layers} layers are there")
        await pilot.press("m", "m", "m", "m")
        for size in (NARROW, (60, 16), (240, 60)):
            await pilot.resize_terminal(*size)
            await pilot.press("end", *["pagedown"] * 9)
            await pilot.pause()
            assert head_map(pair).cursor[1] == heads - 1
            assert f"head {heads - 1}" in screen(pair.app)
            await pilot.press("home", *["pageup"] * 9)
            assert head_map(pair).cursor[1] == 0
