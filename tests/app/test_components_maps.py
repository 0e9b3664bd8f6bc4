"""The maps of the Neurons view: overlaps, counts by layer, what tuning changed."""

from __future__ import annotations

import re

import pytest

from analysis.events import Finished
from analysis.models.request import ArchitectureRequest
from analysis.neurons.request import FrequenciesRequest
from analysis.neurons.sets import EPSILON, TAU
from app.config import Settings
from app.widgets.head_map import levels_of
from tests.app.components_screen import (
    CATEGORIES,
    NARROW,
    WIDE,
    sets_of,
    shown_overlaps,
    tuned_map,
)
from tests.app.pair_app import pair_at, screen, until_shown
from tests.support.scripted_components import LAYERS, NEURONS, frequencies
from tests.support.scripted_session import answer
from tests.support.scripted_weights import architecture


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_overlaps_and_their_numbers_are_shown(tmp_path, size):
    async with pair_at(shown_overlaps, tmp_path, "Jaccard index", size=size) as (pair, pilot):
        base, tuned = sets_of(pair).neurons
        await pilot.press("j", "l", "l", "l")
        shared = int(tuned.shared[1, 3])
        shown = await until_shown(pilot, "code and generation", f"{shared:,} in both")
        assert f"Jaccard {tuned.jaccard()[1, 3]:.2f}" in shown
        assert f"Jaccard {base.jaccard()[1, 3]:.2f}" in shown
        assert f"{tuned.jaccard()[0, 1]:.2f}" in shown
        assert ("demo-base · overlap" in shown) == (size == WIDE)
        await pilot.press("m")
        shown = await until_shown(pilot, "share of the row's set")
        assert f"{tuned.containment()[3, 1]:.2f}" in shown


async def test_s_swaps_the_model_and_thresholds_move_and_nothing_is_asked_again(tmp_path):
    async with pair_at(shown_overlaps, tmp_path, size=NARROW) as (pair, pilot):
        await until_shown(pilot, "demo-tuned · overlap")
        await pilot.press("l", "l", "j", "s")
        await until_shown(pilot, "demo-base · overlap", "code and general question answering")
        await pilot.press("j")
        await until_shown(pilot, "general question answering")
        await pilot.press("s")
        await until_shown(pilot, "demo-tuned · overlap")
        assert tuned_map(pair).cursor == (2, 2)
        await until_shown(pilot, f"ε {EPSILON:.2f} · τ {TAU:.2f}")
        asked = len(pair.session.requests)
        await pilot.press("home", "pageup", "v")
        for keys, epsilon, tau in (
            ("[[", EPSILON - 0.1, TAU),
            ("{", EPSILON - 0.1, TAU - 0.05),
            ("]]]", EPSILON + 0.05, TAU - 0.05),
        ):
            await pilot.press(*keys)
            counts = sets_of(pair, epsilon, tau).neurons[1].counts
            total = f"{counts[0].sum():,} of {LAYERS * NEURONS} neurons"
            await until_shown(pilot, f"ε {epsilon:.2f} · τ {tau:.2f}", total)
        await pilot.press("}")
        await until_shown(pilot, f"τ {TAU:.2f}")
        assert len(pair.session.requests) == asked


async def test_layers_are_counted_with_what_tuning_kept_lost_and_gained(tmp_path):
    async with pair_at(shown_overlaps, tmp_path, size=WIDE) as (pair, pilot):
        base, tuned = sets_of(pair).neurons
        await pilot.press("v", "j", "j", "j", "l")
        one, other = base.members[2][1], tuned.members[2][1]
        kept, lost, gained = (one & other).sum(), (one & ~other).sum(), (other & ~one).sum()
        assert min(kept, lost, gained) > 0
        shown = await until_shown(
            pilot, "layer 2 · code", f"kept {kept} · lost {lost} · gained {gained}", "all layers"
        )
        unique = int(tuned.unique_counts[1, 2])
        general = int(tuned.general_counts[2])
        assert f"{int(other.sum())} of {NEURONS} neurons · {general} general" in shown
        assert f"{unique} unique" in shown
        await pilot.press("v")
        alike = kept / (kept + lost + gained)
        shown = await until_shown(pilot, "neurons lost and gained", f"Jaccard {alike:.2f}")
        assert "○ demo-base → ● demo-tuned" in shown
        assert f"−{lost} +{gained}" in shown
        await pilot.press("v")
        await until_shown(pilot, "overlap of categories")


@pytest.mark.parametrize("shape", [(1, 1), (80, 60)])
async def test_models_of_any_size_are_walked_through_in_terminals_of_any_size(tmp_path, shape):
    layers, neurons = shape

    def script(request):
        if isinstance(request, ArchitectureRequest):
            yield Finished(architecture(request, layers=layers))
        elif isinstance(request, FrequenciesRequest):
            yield Finished(frequencies(request, layers=layers, neurons=neurons))
        else:
            yield from answer(request)

    async with pair_at(shown_overlaps, tmp_path, size=WIDE, script=script) as (pair, pilot):
        for size in (NARROW, (60, 16), (240, 60)):
            await pilot.resize_terminal(*size)
            await pilot.press("v", "end", *["pagedown"] * 9)
            await pilot.press("enter", "end", "escape", "v", "v")
            await pilot.pause()
            assert tuned_map(pair).cursor[1] == len(CATEGORIES) - 1


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_without_colours_glyphs_stand_for_the_lightness(tmp_path, monkeypatch, ascii_only):
    monkeypatch.setenv("NO_COLOR", "1")
    settings = Settings(ascii=ascii_only)
    async with pair_at(shown_overlaps, tmp_path, size=NARROW, settings=settings) as (pair, _):
        shown = screen(pair.app)
        assert tuned_map(pair).palette.mono
        full = "@" if ascii_only else "█"
        line = next(line for line in shown.split("\n") if "│math" in line)
        levels = levels_of(sets_of(pair).neurons[1].jaccard()[4])
        assert levels[4] == 10
        assert line.count(full) == int((levels >= (10 if ascii_only else 9)).sum())


async def test_of_two_categories_a_layer_s_general_neurons_are_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = '{"id": "%s", "category": "%s", "instruction": "Do it.", "response": "Done."}'
    (tmp_path / "two.jsonl").write_text(f"{line % (1, 'code')}\n{line % (2, 'math')}\n")
    async with pair_at(shown_overlaps, tmp_path, size=WIDE) as (pair, pilot):
        await pilot.press("p", *"two.jsonl", "enter")
        await until_shown(pilot, "all 2 categories are there")
        await pilot.press("v", "end", "j", "j")
        base, tuned = (each.members[1] for each in sets_of(pair).neurons)
        await until_shown(
            pilot,
            "layer 1 · code and math",
            *(f"{int((each[1] & each[4]).sum())} of {NEURONS} neurons" for each in (base, tuned)),
        )


async def test_no_number_is_cut_where_there_is_little_room(tmp_path):
    names = "a-base-model-with-a-long-name", "a-tuned-model-with-a-long-name"
    async with pair_at(shown_overlaps, tmp_path, size=(60, 20), names=names) as (_, pilot):
        await pilot.press("l")
        shown = await until_shown(pilot, "classification and code")
        lines = [line.strip() for line in shown.splitlines() if " in both" in line]
        assert len(lines) == 2
        for line in lines:
            assert re.search(r"-name +\d+ and \d+ · \d+ in both( · Jaccard \d\.\d\d)?$", line), line
        await pilot.press("v", "enter")
        shown = await until_shown(pilot, "mean p")
        listed = re.findall(r"(?:kept|lost|gained) +(\S.*\S) *│", shown)
        assert listed
        for line in listed:
            assert re.fullmatch(r"\d\.\d\d +\d\.\d\d( .*)?", line), line
