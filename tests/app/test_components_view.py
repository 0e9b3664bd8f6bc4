"""The Components view, driven by keys."""

from __future__ import annotations

import csv

import msgspec
import numpy as np
import pytest

from analysis.components.pair import Thresholds, pair_sets
from analysis.components.sets import EPSILON, EXPERT_EPSILON, TAU
from analysis.components.tables import COLUMNS, SUMMARY_COLUMNS
from analysis.events import Finished, Notice
from analysis.instruction_sets import demo_instructions, natural_instructions
from analysis.problems import Problem, problem
from analysis.requests import (
    ArchitectureRequest,
    ConceptsRequest,
    FrequenciesRequest,
    NeuronDirectionRequest,
    WordNeuronsRequest,
)
from app.config import Settings
from app.views.components.instructions_bar import InstructionsBar
from app.views.components.members import Cell
from app.views.components.page import ComponentPage
from app.views.components.view import ComponentsView
from app.views.components.word_page import ComponentWordPage
from app.views.concepts.page import ConceptPage
from app.views.registry import VIEWS
from app.widgets.head_map import levels_of
from app.widgets.number_map import NumberMap
from app.widgets.search_bar import SearchBar
from tests.app.pair_app import PairApp, screen, until, until_shown
from tests.support.scripted_components import (
    EXPERTS,
    LAYERS,
    NEURONS,
    frequencies,
    word_neurons,
)
from tests.support.scripted_session import answer
from tests.support.scripted_weights import architecture

WIDE, NARROW = (200, 50), (80, 24)
CATEGORIES = demo_instructions().categories
KEY = str([each.id for each in VIEWS if "pair" in each.workspaces].index("components") + 1)
ALL = f"all {len(CATEGORIES)} categories are there"


@pytest.fixture(autouse=True)
def _exports_go_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


async def shown_components(pilot, *words):
    """Open the view and wait for all categories."""
    await until_shown(pilot, "Capital of a country")
    await pilot.press(KEY)
    return await until_shown(pilot, ALL, *words)


def requests_of(pair, kind):
    return [request for request in pair.session.requests if isinstance(request, kind)]


def sets_of(pair, epsilon=EPSILON, tau=TAU, **given):
    """The sets that the session's answers make, past the view."""
    asked = requests_of(pair, FrequenciesRequest)
    sides = [
        [frequencies(each, **given) for each in asked if each.model.name == name]
        for name in ("demo-base", "demo-tuned")
    ]
    return pair_sets(*sides, Thresholds(epsilon, tau))


def tuned_map(pair):
    return pair.app.query_one("#map-tuned", NumberMap)


def mixture_script(request):
    if isinstance(request, ArchitectureRequest):
        yield Finished(msgspec.structs.replace(architecture(request), experts=EXPERTS))
    elif isinstance(request, FrequenciesRequest):
        yield Finished(frequencies(request, mixture=True))
    else:
        yield from answer(request)


async def test_every_category_is_asked_of_both_models_once(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=WIDE) as pilot:
        await shown_components(pilot, "our reading", "(demo)")
        asked = requests_of(pair, FrequenciesRequest)
        assert [(each.category, each.model.name) for each in asked] == [
            (category, name) for category in CATEGORIES for name in ("demo-base", "demo-tuned")
        ]
        for each in asked:
            expected = [one.prompt for one in demo_instructions().of(each.category)]
            assert list(each.prompts) == expected
        await pilot.press("1", KEY)
        await pilot.pause(0.1)
        assert len(requests_of(pair, FrequenciesRequest)) == len(asked)


async def test_other_pairs_are_given_the_natural_instructions(tmp_path):
    pair = PairApp(tmp_path, names=("my-base", "my-tuned"))
    async with pair.running(size=WIDE) as pilot:
        await shown_components(pilot, "(natural)")
        (first, *_) = requests_of(pair, FrequenciesRequest)
        assert first.prompts[0] == natural_instructions().instructions[0].prompt


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_overlaps_and_their_numbers_are_shown(tmp_path, size):
    pair = PairApp(tmp_path)
    async with pair.running(size=size) as pilot:
        await shown_components(pilot, "Jaccard index")
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


async def test_on_a_narrow_screen_s_swaps_the_model_and_the_cursor_stays(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=NARROW) as pilot:
        await shown_components(pilot, "demo-tuned · overlap")
        await pilot.press("l", "l", "j", "s")
        await until_shown(pilot, "demo-base · overlap", "code and general question answering")
        await pilot.press("j")
        await until_shown(pilot, "general question answering")
        await pilot.press("s")
        await until_shown(pilot, "demo-tuned · overlap")
        assert tuned_map(pair).cursor == (2, 2)


async def test_layers_are_counted_with_what_tuning_kept_lost_and_gained(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=WIDE) as pilot:
        await shown_components(pilot)
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
        shown = await until_shown(pilot, "base and tuned set alike", f"Jaccard {alike:.2f}")
        assert "demo-base | demo-tuned" in shown
        await pilot.press("v")
        await until_shown(pilot, "overlap of categories")


async def test_thresholds_move_by_keys_and_nothing_is_asked_again(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=NARROW) as pilot:
        await shown_components(pilot, f"ε {EPSILON:.2f} · τ {TAU:.2f}")
        asked = len(pair.session.requests)
        await pilot.press("v")
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


async def test_enter_lists_a_cells_neurons_and_then_what_one_writes(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=NARROW) as pilot:
        await shown_components(pilot)
        await pilot.press("v", "j", "enter")
        base, tuned = (each.members[0][0] for each in sets_of(pair).neurons)
        await until_shown(pilot, f"layer 0 · {int((base | tuned).sum())} neurons")
        page = pair.app.query_one(ComponentPage)
        member = page.member
        in_sets = f"in {member.sets[0]}→{member.sets[1]} of 6 sets"
        await until_shown(pilot, f"layer 0 · neuron {member.neuron} · {in_sets}")
        await pilot.press("enter")
        shown = await until_shown(pilot, f"tuned{member.neuron}", "component   0 · cos +0.40")
        assert "61 % of w lies in 300 components" in shown
        asked = requests_of(pair, NeuronDirectionRequest)
        assert [(each.model.name, each.layer, each.neuron, each.expert) for each in asked] == [
            ("demo-base", 0, member.neuron, -1),
            ("demo-tuned", 0, member.neuron, -1),
        ]
        await pilot.press("escape", "j", "k", "enter")
        await until_shown(pilot, f"tuned{member.neuron}")
        assert len(requests_of(pair, NeuronDirectionRequest)) == 2
        await pilot.press("escape", "escape")
        await until(pilot, lambda: pair.app.focused is tuned_map(pair))
        await pilot.press("escape")
        await until_shown(pilot, "Capital of a country")


async def test_from_a_neuron_enter_leads_to_the_component_it_lies_in(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=NARROW) as pilot:
        await shown_components(pilot)
        await pilot.press("slash", *"5 9", "enter")
        await until_shown(pilot, "tuned9", "component   5 · cos +0.40")
        await pilot.press("enter")
        await until_shown(pilot, "4 Concepts", "layer 5", "all 8 layers are there")
        page = pair.app.query_one(ConceptPage)
        await until(pilot, lambda: page.items.row is not None and page.items.row.base == 5)
        await pilot.press(KEY)
        await until_shown(pilot, "layer 5 · neuron 9", "tuned9")


async def test_in_a_mixture_enter_leads_to_a_component_of_the_expert(tmp_path):
    pair = PairApp(tmp_path, script=mixture_script)
    async with pair.running(size=NARROW) as pilot:
        await shown_components(pilot)
        await pilot.press("slash", *"5 2 3", "enter")
        await until_shown(pilot, "layer 5 · expert 2 · neuron 3", "component   5 · cos +0.40")
        await pilot.press("enter")
        await until_shown(pilot, "4 Concepts", "layer 5 · expert 2")
        page = pair.app.query_one(ConceptPage)
        await until(pilot, lambda: page.items.row is not None and page.items.row.base == 5)
        asked = requests_of(pair, ConceptsRequest)
        assert (5, 2) in [(each.layer, each.expert) for each in asked]


async def test_a_list_is_filtered_by_what_tuning_did(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=WIDE) as pilot:
        await shown_components(pilot)
        await pilot.press("v", "enter")
        base, tuned = sets_of(pair).neurons
        both = [np.concatenate([each[0] for each in side.members]) for side in (base, tuned)]
        expected = {
            "kept": both[0] & both[1],
            "lost": both[0] & ~both[1],
            "gained": both[1] & ~both[0],
        }
        for status, members in expected.items():
            await pilot.press("f")
            await until_shown(pilot, f"{int(members.sum())} {status} neurons")
        await pilot.press("f")
        await until_shown(pilot, "general neurons")
        await pilot.press("f")
        await until_shown(pilot, "unique neurons")


async def test_in_a_mixture_experts_come_first_and_their_neurons_behind_them(tmp_path):
    pair = PairApp(tmp_path, script=mixture_script)
    async with pair.running(size=NARROW) as pilot:
        await shown_components(pilot, f"experts · ε_e {EXPERT_EPSILON:.2f}", "our reading")
        await pilot.press("[", "[")
        await until_shown(pilot, f"ε_e {EXPERT_EPSILON - 0.02:.2f}")
        await pilot.press("v", "enter")
        page = pair.app.query_one(ComponentPage)
        await until(pilot, lambda: page.member is not None)
        expert = page.member
        await pilot.press("enter")
        await until_shown(
            pilot, f"layer {expert.layer} · expert {expert.expert} ·", f"ε {EPSILON:.2f}"
        )
        await pilot.press("[", "[", "[")
        await until_shown(pilot, f"ε {EPSILON - 0.15:.2f}")
        await until(pilot, lambda: page.member is not None)
        neuron = page.member
        assert neuron.expert == expert.expert
        await pilot.press("enter")
        await until_shown(pilot, f"tuned{neuron.neuron}")
        asked = requests_of(pair, NeuronDirectionRequest)[-1]
        assert (asked.layer, asked.expert, asked.neuron) == neuron[:3]
        await pilot.press("escape", "escape")
        await until_shown(pilot, f"experts · ε_e {EXPERT_EPSILON - 0.02:.2f}")
        assert page.member.expert == expert.expert
        await pilot.press("slash", *f"{expert.layer} {expert.expert}", "enter")
        await until_shown(pilot, f"layer {expert.layer} · expert {expert.expert} ·")
        assert page.cell == Cell("neurons", (0,), expert.layer, expert.expert)
        await pilot.press("escape", "u")
        await until_shown(pilot, f"neurons · ε {EPSILON - 0.15:.2f}")


async def test_a_search_leads_to_a_neuron_or_to_a_category(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=NARROW) as pilot:
        await shown_components(pilot)
        await pilot.press("slash", *"3 17", "enter")
        await until_shown(pilot, "layer 3 · neuron 17", "tuned17")
        await pilot.press("escape", "slash", *"MATH", "enter")
        await until(pilot, lambda: tuned_map(pair).cursor == (4, 4))
        await pilot.press("slash", *"99 1", "enter")
        await until_shown(pilot, "There is no layer 99")
        # What was typed is there to be mended.
        view = pair.app.query_one(ComponentsView)
        bar = view.query_one("#search", SearchBar)
        await until(pilot, lambda: pair.app.focused is bar and bar.value == "99 1")
        await pilot.press("escape")
        await until(pilot, lambda: pair.app.focused is tuned_map(pair))


async def test_a_search_leads_from_a_neuron_to_the_next_and_in_a_list_to_another_category(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=NARROW) as pilot:
        await shown_components(pilot)
        await pilot.press("slash", *"3 17", "enter")
        await until_shown(pilot, "layer 3 · neuron 17", "tuned17")
        await pilot.press("slash", *"4 5", "enter")
        await until_shown(pilot, "layer 4 · neuron 5", "tuned5")
        await pilot.press("escape")
        await until(pilot, lambda: pair.app.focused is tuned_map(pair))
        await pilot.press("v", "j", "j", "enter")
        page = pair.app.query_one(ComponentPage)
        await until(pilot, lambda: page.cell == Cell("neurons", (0,), 1))
        await pilot.press("f", "slash", *"math", "enter")
        base, tuned = (each.members[1][4] for each in sets_of(pair).neurons)
        await until_shown(pilot, f"math · layer 1 · {int((base & tuned).sum())} kept neurons")


@pytest.mark.parametrize("script", [None, mixture_script], ids=["dense", "mixture"])
async def test_a_word_lists_the_neurons_that_write_it(tmp_path, script):
    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=WIDE) as pilot:
        await shown_components(pilot)
        await pilot.press("slash", *"moon", "enter")
        await until_shown(pilot, "neurons that write “moon”", ALL)
        asked = requests_of(pair, WordNeuronsRequest)
        assert [(each.layer, each.model.name) for each in asked] == [
            (layer, name) for layer in range(LAYERS) for name in ("demo-base", "demo-tuned")
        ]
        cosines = [
            [word_neurons(each).cosines for each in asked if each.model.name == name]
            for name in ("demo-base", "demo-tuned")
        ]
        best = sorted(
            ((layer, place) for layer in range(LAYERS) for place in range(NEURONS)),
            key=lambda where: -max(abs(side[where[0]][where[1]]) for side in cosines),
        )
        page = pair.app.query_one(ComponentWordPage)
        width = NEURONS // EXPERTS
        for layer, place in best[:3]:
            expert, neuron = (-1, place) if script is None else divmod(place, width)
            await until(pilot, lambda at=(layer, expert, neuron): page.place == at)
            sets = sets_of(pair, mixture=script is not None).neurons
            of = len(CATEGORIES)
            sides = [
                f"{'−' if side[layer][place] < 0 else '+'}{abs(side[layer][place]):.2f}"
                f"  {int(each.members[layer][:, place].sum())} of {of}"
                for side, each in zip(cosines, sets, strict=True)
            ]
            line = "".join(text for text, _ in page.items._draw(page.items.cursor, 100))
            assert (
                line.split()
                == " ".join(
                    [str(layer), *([] if expert < 0 else [str(expert)]), str(neuron), *sides]
                ).split()
            )
            await pilot.press("j")
        await pilot.press("e", "y")
        copied = tmp_path / "copied.txt"
        await until(pilot, lambda: copied.exists() and copied.read_text().startswith("word\tlayer"))
        await until(pilot, lambda: len(list(tmp_path.glob("components-word*.csv"))) == 1)
        await pilot.press("enter")
        layer, expert, neuron = page.place
        await until_shown(pilot, f"layer {layer}", f"tuned{neuron}")
        await pilot.press("escape")
        await until(pilot, lambda: pair.app.focused is page.items)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pair.app.focused, NumberMap))


async def test_only_what_is_in_the_list_s_own_set_is_called_unique(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=WIDE) as pilot:
        await shown_components(pilot)
        base, tuned = sets_of(pair).neurons
        elsewhere = [
            (layer, category, int(place))
            for layer in range(LAYERS)
            for category in range(len(CATEGORIES))
            for place in np.flatnonzero(base.members[layer][category])
            if not tuned.members[layer][category, place]
            and tuned.members[layer][:, place].sum() == 1
        ]
        layer, category, place = elsewhere[0]
        await pilot.press("v", *["j"] * (layer + 1), *["l"] * category, "enter", "f", "f")
        page = pair.app.query_one(ComponentPage)
        await until(pilot, lambda: page.kind == "lost" and page.member is not None)
        while page.member.place != place:
            await pilot.press("j")
            await pilot.pause()
        line = "".join(text for text, _ in page.items._draw(page.items.cursor, 100))
        assert line.endswith(f"1 of {len(CATEGORIES)}" + " " * (len(line) - len(line.rstrip())))


async def test_a_list_opened_from_a_map_shows_all_of_its_cell(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=NARROW) as pilot:
        await shown_components(pilot)
        await pilot.press("enter", "f")
        await until_shown(pilot, " kept neurons")
        await pilot.press("escape", "enter")
        base, tuned = sets_of(pair).neurons
        joined = sum(
            int((a[0] | b[0]).sum()) for a, b in zip(base.members, tuned.members, strict=True)
        )
        await until_shown(pilot, f"classification · {joined} neurons")


def own_instructions(path, *lines):
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


LINE = '{"id": "%s", "category": "%s", "instruction": "Do it.", "response": "Done."}'


async def test_instructions_of_the_users_own_take_the_place_of_the_shipped_ones(tmp_path):
    pair = PairApp(tmp_path)
    own_instructions(tmp_path / "own.jsonl", LINE % (1, "cooking"), LINE % (2, "sailing"))
    async with pair.running(size=NARROW) as pilot:
        await shown_components(pilot)
        asked = len(requests_of(pair, FrequenciesRequest))
        await pilot.press("]", "p", *"own.jsonl", "enter")
        await until_shown(
            pilot, "all 2 categories are there", "(own.jsonl)", "cooking", f"ε {EPSILON + 0.05:.2f}"
        )
        new = requests_of(pair, FrequenciesRequest)[asked:]
        assert [(each.category, each.model.name, each.prompts) for each in new] == [
            (category, name, ("Do it.",))
            for category in ("cooking", "sailing")
            for name in ("demo-base", "demo-tuned")
        ]
        await pilot.press("p", *"natural", "enter")
        await until_shown(pilot, "all 6 categories are there", "(natural)")
        await pilot.press("p", "escape")
        await until(pilot, lambda: pair.app.focused is tuned_map(pair))


async def test_instructions_that_cannot_be_read_stay_in_the_bar_and_may_be_read_in_part(tmp_path):
    pair = PairApp(tmp_path)
    own_instructions(tmp_path / "own.jsonl", LINE % (1, "cooking"), "{", LINE % (2, "cooking"))
    async with pair.running(size=WIDE) as pilot:
        await shown_components(pilot)
        bar = pair.app.query_one(InstructionsBar)
        await pilot.press("p", *"none.jsonl", "enter")
        await until_shown(pilot, "none.jsonl cannot be read")
        await until(pilot, lambda: pair.app.focused is bar and bar.value == "none.jsonl")
        await pilot.press("escape", "p", *["backspace"] * 20, *"own.jsonl", "enter")
        await until_shown(pilot, "remain")
        await until(pilot, lambda: pair.app.focused is bar)
        await until_shown(pilot, "(demo)")
        await pilot.press("enter")
        await until_shown(pilot, "left")
        await until_shown(pilot, "all 1 categories are there", "cooking")


async def test_exports_are_the_commands_tables(tmp_path):
    pair = PairApp(tmp_path, names=("base,[b]\x1b[0m/../", '"tuned"'))
    async with pair.running(size=NARROW) as pilot:
        await shown_components(pilot)
        await pilot.press("e")
        await until(pilot, lambda: len(list(tmp_path.glob("*.csv"))) == 1)
        await pilot.press("enter", "e")
        await until(pilot, lambda: len(list(tmp_path.glob("*.csv"))) == 2)
        await until(pilot, lambda: all(p.stat().st_size for p in tmp_path.glob("*.csv")))
    heads = []
    for path in sorted(tmp_path.glob("*.csv")):
        assert not set(path.name) & set('[]\x1b/,"')
        with path.open(encoding="utf-8", newline="") as stream:
            heads.append(tuple(next(csv.reader(stream))))
    assert sorted(heads) == sorted([COLUMNS, SUMMARY_COLUMNS])


async def test_copies_say_what_is_shown(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=NARROW) as pilot:
        await shown_components(pilot)
        copied = tmp_path / "copied.txt"
        for keys, words in (
            ("y", "Jaccard"),
            ("\ry", "kept"),
            ("\ry", "cos +0.400"),
        ):
            await pilot.press(*("enter" if key == "\r" else key for key in keys))
            await until(pilot, lambda words=words: copied.exists() and words in copied.read_text())


async def test_models_of_different_shapes_are_not_compared_and_it_is_said(tmp_path):
    def script(request):
        if isinstance(request, ArchitectureRequest) and request.model.name == "demo-tuned":
            yield Finished(architecture(request, layers=12))
            return
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=NARROW) as pilot:
        await until_shown(pilot, "Capital of a country")
        await pilot.press(KEY)
        await until_shown(pilot, "have different shapes", "12 layers")
        assert not requests_of(pair, FrequenciesRequest)
        await pilot.press("enter", "slash", "e", "y", "v", "m", "s", "u", "f", "r", "[", "}")
        await pilot.pause(0.1)
        await until_shown(pilot, "have different shapes")


@pytest.mark.parametrize("kind", [ArchitectureRequest, FrequenciesRequest, NeuronDirectionRequest])
async def test_what_fails_is_said_and_runs_again(tmp_path, kind):
    broken = [True]

    def script(request):
        if isinstance(request, kind) and broken[0]:
            raise problem("engine", "The engine ended.", "It was killed.", "Run it again.")
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=WIDE) as pilot:
        await until_shown(pilot, "Capital of a country")
        await pilot.press(KEY)
        if kind is NeuronDirectionRequest:
            await until_shown(pilot, ALL)
            await pilot.press("enter", "enter")
        await until_shown(pilot, "The engine ended.", "It was killed.", "Run it again.", "r runs")
        await until_shown(pilot, " r again")
        broken[0] = False
        await pilot.press("r")
        await until_shown(pilot, "component" if kind is NeuronDirectionRequest else ALL)


async def test_escape_stops_and_r_goes_on_with_what_is_there_shown(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=NARROW) as pilot:
        await shown_components(pilot)
        view = pair.app.query_one(ComponentsView)
        pair.session.gate.clear()
        view._jobs.begin_categories()
        await until_shown(pilot, "esc stops")
        await pilot.press("escape")
        await until_shown(pilot, "Stopped with 0 of 6 categories. r goes on.")
        pair.session.gate.set()
        await pilot.press("r")
        await until_shown(pilot, ALL)


async def test_the_first_category_is_shown_before_the_others_are_there(tmp_path):
    held = []

    def script(request):
        if isinstance(request, FrequenciesRequest) and request.category == "code":
            held.append(pair.session.gate.clear())
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=NARROW) as pilot:
        await until_shown(pilot, "Capital of a country")
        await pilot.press(KEY)
        await until_shown(pilot, "1 of 6 categories · code", "classification", "1.00")
        pair.session.gate.set()
        await until(pilot, lambda: bool(held))
        await until(pilot, lambda: pair.session.gate.set() or ALL in screen(pair.app))


async def test_notes_and_notices_are_said_and_names_do_no_harm(tmp_path):
    def script(request):
        if isinstance(request, FrequenciesRequest):
            note = "The \x1b[2J window is short."
            yield Notice(Problem(kind="storage", what="The disk is [b]full[/b]."))
            yield Finished(msgspec.structs.replace(frequencies(request), notes=(note,)))
        elif isinstance(request, NeuronDirectionRequest):
            for event in answer(request):
                words = ("[red]", "\x1b[2J", "a\nb", "漢字", "‮x", "", " ", "y")
                yield Finished(msgspec.structs.replace(event.result, words=words))
        else:
            yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=WIDE) as pilot:
        await until_shown(pilot, "Capital of a country")
        await pilot.press(KEY)
        await until_shown(pilot, "The disk is [b]full[/b].")
        shown = await until_shown(pilot, ALL, "window is short")
        assert "\x1b" not in shown
        await pilot.press("enter", "enter")
        shown = await until_shown(pilot, "[red]", "a↵b")
        assert "\x1b" not in shown
        assert "‮" not in shown


async def test_help_says_what_is_our_reading_with_the_formulas(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=WIDE) as pilot:
        await shown_components(pilot)
        await pilot.press("question_mark")
        await until_shown(pilot, "our reading", "p_ij(I) ≥ ε", "|A ∩ B| / |A ∪ B|")
        await pilot.resize_terminal(*NARROW)
        await pilot.press("end")
        await until_shown(pilot, "Name the instructions", "esc closes")
        await pilot.press("pageup", "pageup", "home")
        await until_shown(pilot, "Which feed-forward neurons")


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

    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=WIDE) as pilot:
        await shown_components(pilot)
        for size in (NARROW, (60, 16), (240, 60)):
            await pilot.resize_terminal(*size)
            await pilot.press("v", "end", *["pagedown"] * 9)
            await pilot.press("enter", "end", "escape", "v", "v")
            await pilot.pause()
            assert tuned_map(pair).cursor[1] == len(CATEGORIES) - 1


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_without_colours_glyphs_stand_for_the_lightness(tmp_path, monkeypatch, ascii_only):
    monkeypatch.setenv("NO_COLOR", "1")
    pair = PairApp(tmp_path, settings=Settings(ascii=ascii_only))
    async with pair.running(size=NARROW) as pilot:
        shown = await shown_components(pilot)
        assert tuned_map(pair).palette.mono
        full = "@" if ascii_only else "█"
        line = next(line for line in shown.split("\n") if "│math" in line)
        levels = levels_of(sets_of(pair).neurons[1].jaccard()[4])
        assert levels[4] == 10
        assert line.count(full) == int((levels >= (10 if ascii_only else 9)).sum())
