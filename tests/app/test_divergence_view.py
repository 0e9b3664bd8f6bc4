"""The Divergence view, driven by keys."""

from __future__ import annotations

from functools import partial

import pytest

from analysis.contributions.request import ContributionsRequest
from analysis.divergence.request import DivergenceRequest
from analysis.patching.request import PatchingRequest
from app.frame.registry import VIEWS
from app.widgets.table_list import TableList
from tests.app.pair_app import csv_rows, pair_at, requests_of, screen, until, until_shown

KEY = "f" + str(1 + [each.id for each in VIEWS if "pair" in each.workspaces].index("divergence"))


async def shown_divergence(pilot):
    await until_shown(pilot, "Capital of a country")
    await pilot.press("enter")
    await until_shown(pilot, "different answers")
    await pilot.press(KEY)
    return await until_shown(pilot, "demo-tuned's response")


divergence_at = partial(pair_at, shown_divergence)


def asked(pair) -> list[DivergenceRequest]:
    return requests_of(pair, DivergenceRequest)


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_it_opens_at_the_first_divergence_of_the_prompt_run_last(tmp_path, size) -> None:
    async with divergence_at(tmp_path, size=size) as (pair, pilot):
        shown = await until_shown(pilot, "They part after 1 token", "place 2 of")
        assert "demo-base prefers “ no” (60 %), demo-tuned “ yes” (60 %)" in " ".join(shown.split())
        (request,) = asked(pair)
        assert (request.writer, request.prompt) == ("tuned", pair.app.state.history[0].text)


async def test_keys_walk_the_response_and_the_places_where_the_models_part(tmp_path) -> None:
    async with divergence_at(tmp_path) as (pair, pilot):
        await until_shown(pilot, "place 2 of 3")
        await pilot.press("right")
        await until_shown(pilot, "place 3 of 3: the end")
        await pilot.press("home")
        await until_shown(pilot, "place 1 of 3")
        await pilot.press("n")
        await until_shown(pilot, "place 2 of 3", "by base 14 %, by tuned 61 %")
        await pilot.press("o")
        await until_shown(pilot, "demo-base's response", "place 2 of")
        await pilot.press("n", "n")
        await until_shown(pilot, "place 8 of")
        await pilot.press("N")
        await until_shown(pilot, "place 5 of")
        await pilot.press("f", "c")
        await until_shown(pilot, "place 2 of", "log p by tuned − log p by base", "more likely")
        assert [each.writer for each in asked(pair)] == ["tuned", "base"]


async def test_answers_lead_to_their_token_and_escape_leads_back(tmp_path) -> None:
    async with pair_at(lambda pilot: until_shown(pilot, "Capital"), tmp_path, face="answers") as (
        pair,
        pilot,
    ):
        await pilot.press("enter")
        await until_shown(pilot, "They part")
        await pilot.press("right", "p")
        await until_shown(pilot, "'s response · KL", "place 1 of")
        await pilot.press("escape")
        await until(pilot, lambda: pair.app.view.id == "saliency")


async def test_the_thread_leads_from_a_token_to_a_head_to_its_word_pair_and_back(tmp_path) -> None:
    """Prompt, first divergence, what adds to the choice, a head, its word pairs; escape unwinds."""
    async with divergence_at(tmp_path, size=(120, 40)) as (pair, pilot):
        await until_shown(pilot, "place 2 of 3")
        await pilot.press("enter")
        # What tuning changed most: head 3 of layer 3, by 3.3 in base and 33 in tuned.
        await until_shown(pilot, "logit(“·yes”) − logit(“·no”) is", "head 3", "+29.700")
        asked_of = requests_of(pair, ContributionsRequest)
        assert [each.model.name for each in asked_of] == ["demo-base", "demo-tuned"]
        assert {(each.token, each.rival, each.response_ids) for each in asked_of} == {(0, 1, (0,))}
        # o is the table's here, and stands once in the key line.
        assert "o response" not in screen(pair.app)
        await pilot.press("enter")
        await until(pilot, lambda: pair.app.view.id == "heads")
        await until_shown(pilot, "layer 3", "head 3")
        await pilot.press("enter")
        await until_shown(pilot, "pairs")
        while pair.app.view.id != "divergence":
            before = screen(pair.app)
            await pilot.press("escape")
            await until(pilot, lambda before=before: screen(pair.app) != before)
        await until_shown(pilot, "parts, by what tuning changed", "head 3")
        await pilot.press("escape")
        await until_shown(pilot, "place 2 of 3: “.”")


async def test_a_network_leads_to_its_neurons_and_these_to_their_views(tmp_path) -> None:
    async with divergence_at(tmp_path, size=(120, 40)) as (pair, pilot):
        await until_shown(pilot, "place 2 of 3")
        await pilot.press("enter")
        await until_shown(pilot, "+29.700")
        view = pair.app.view
        rows = view.query_one("#parts", TableList)
        rows.move_to_row(next(n for n, each in enumerate(view._parts._parts) if each.has_neurons))
        await pilot.press("enter")
        await until_shown(pilot, "neurons by what they add", "demo-tuned", "+0.500")
        await pilot.press("enter")
        await until(pilot, lambda: pair.app.view.id == "components")
        await until_shown(pilot, "neuron 7")
        await pilot.press("escape")
        await until(pilot, lambda: pair.app.view.id == "divergence")
        await until_shown(pilot, "neurons by what they add")
        await pilot.press("escape")
        await until_shown(pilot, "parts, by what tuning changed")


async def test_heads_are_ranked_by_a_word_of_the_prompt(tmp_path) -> None:
    async with divergence_at(tmp_path, size=(120, 40)) as (_, pilot):
        await until_shown(pilot, "place 2 of 3")
        await pilot.press("enter")
        await until_shown(pilot, "+29.700")
        # All comes from the last word; [ goes from everything round to it.
        await pilot.press("left_square_bracket")
        await until_shown(pilot, "take from “Output:”", "+29.700")
        await pilot.press("right_square_bracket", "right_square_bracket")
        await until_shown(pilot, "take from “What”", "+0.000")


async def test_layers_that_carry_the_choice_are_curves_with_a_sentence(tmp_path) -> None:
    async with divergence_at(tmp_path, size=(120, 40)) as (pair, pilot):
        await until_shown(pilot, "place 2 of 3")
        await pilot.press("p")
        await until_shown(pilot, "by residual stream after layers", "prefers demo-base’s token")
        await pilot.press("v")
        await until_shown(pilot, "by attention's output of layer")
        assert [each.part for each in requests_of(pair, PatchingRequest)] == ["stream", "attention"]
        await pilot.press("escape", "left")
        await until_shown(pilot, "place 1 of 3")
        # Where first choices agree, there is no choice to be carried.
        await pilot.press("p")
        await pilot.pause()
        assert "place 1 of 3" in screen(pair.app)


async def test_without_a_prompt_it_says_what_to_do(tmp_path) -> None:
    async with pair_at(lambda pilot: until_shown(pilot, "Capital"), tmp_path) as (pair, pilot):
        await pilot.press(KEY)
        await until_shown(pilot, "Run a prompt first")
        assert not asked(pair)
        await pilot.press("escape")
        await until(pilot, lambda: pair.app.view.id == "prompt")


async def test_what_is_shown_is_exported_and_has_a_command(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with divergence_at(tmp_path) as (pair, pilot):
        await until_shown(pilot, "place 2 of 3")
        await pilot.press("e")
        await until(pilot, lambda: len(list(tmp_path.glob("*.csv"))) == 2)
        (file,) = tmp_path.glob("*divergence*.csv")
        rows = csv_rows(file)
        assert [row["parted"] for row in rows] == ["False", "True", "False"]
        (command,) = pair.app.view.twins()
        assert command.startswith("insttui diverge --prompt 'What is the capital")
        assert screen(pair.app)
