"""The Prompt view, driven by keys."""

from __future__ import annotations

import pytest
from textual.events import Key, Paste
from textual.widgets import Checkbox

from analysis.events import EngineStatus, Finished
from analysis.models.request import LoadRequest
from analysis.problems import problem
from analysis.saliency.request import AttributionRequest
from app.state import load_state
from app.views.prompt.token_counts import TokenCounts
from app.views.prompt.view import PromptView
from app.widgets.prompt_entry import PromptEntry
from app.workspace import Example
from tests.app.pair_app import (
    PairApp,
    pair_at,
    screen,
    started,
    until,
    until_loaded,
    until_shown,
)
from tests.support.scripted_session import answer, attribution, facts

HOSTILE = "Say \x1b[31mred\x1b]0;title\x07 ‮abc‬ [bold]x[/bold]\x0b​end\r\f日本 \x9b2J.\n\ntail\n"


async def test_enter_on_the_first_example_runs_both_models(tmp_path):
    async with pair_at(started, tmp_path, size=(140, 40)) as (pair, pilot):
        await pilot.press("enter")
        await until_shown(pilot, "different answers", "·Paris", "·Italy")
        asked = [r for r in pair.session.requests if isinstance(r, AttributionRequest)]
        # The tuned model's answer is what a user waits for.
        assert [r.model.name for r in asked] == ["demo-tuned", "demo-base"]
        # Both models see the same raw prompt unless the chat template is switched on.
        assert {r.prompt for r in asked} == {pair.workspace.examples[0].prompt}
        assert not any(r.chat_template for r in asked)


async def test_nothing_is_loaded_when_the_first_answers_are_stored(tmp_path):
    pair = PairApp(tmp_path)
    prompt = pair.workspace.examples[0].prompt
    requests = [
        AttributionRequest(model, prompt) for model in (pair.workspace.tuned, pair.workspace.base)
    ]
    pair = PairApp(tmp_path, stored={request: attribution(request) for request in requests})
    async with pair.running(size=(140, 40)) as pilot:
        await pilot.pause(0.3)
        assert pair.session.requests == []
        await pilot.press("enter")
        await until_shown(pilot, "stored", "·Paris", "·Italy")
        assert pair.session.requests == requests


async def test_an_empty_prompt_asks_nothing_and_of_pasted_text_line_ends_alone_change(tmp_path):
    async with pair_at(started, tmp_path) as (pair, pilot):
        await pilot.press("space", "ctrl+r")
        await until_shown(pilot, "The prompt is empty")
        assert not any(isinstance(r, AttributionRequest) for r in pair.session.requests)
        await pilot.press("backspace")
        entry = pair.app.query_one(PromptEntry)
        pair.app.post_message(Paste("one\rtwo\x0b\x1b[2J three"))
        await pilot.pause()
        assert entry.text == "one\ntwo\x0b\x1b[2J three"
        await pilot.press("x", "backspace", "ctrl+underscore")
        assert entry.text.startswith("one\ntwo\x0b\x1b[2J three")


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_hostile_text_is_asked_exactly_and_drawn_harmlessly(tmp_path, size):
    async with pair_at(started, tmp_path, size=size) as (pair, pilot):
        view = pair.app.query_one(PromptView)
        view.query_one(PromptEntry).load_text(HOSTILE)
        await pilot.pause(0.4)
        for shown in (screen(pair.app), None):
            if shown is None:
                await pilot.press("ctrl+r")
                shown = await until_shown(pilot, "different answers")
            for harmful in "\x1b\x07‮‬​\x9b\r\f\x0b":
                assert harmful not in shown
        asked = [r for r in pair.session.requests if isinstance(r, AttributionRequest)]
        assert {r.prompt for r in asked} == {HOSTILE}
        assert pair.app.state.history[0].text == HOSTILE


@pytest.mark.parametrize(
    "focus", ["#examples", "#history", "#sentences", "#run", "#template", "#entry", None]
)
async def test_a_paste_goes_into_the_prompt_wherever_the_focus_is(tmp_path, focus):
    async with pair_at(started, tmp_path) as (pair, pilot):
        view = pair.app.query_one(PromptView)
        pair.app.base.set_focus(None if focus is None else view.query_one(focus))
        await pilot.pause()
        entry = view.query_one(PromptEntry)
        for text in ("Can you count", " to three?"):
            pair.app.post_message(Paste(text))
        await until_shown(pilot, "Can you count to three?")
        assert entry.text == "Can you count to three?"
        # Then one goes on writing there.
        await pilot.press("!")
        assert entry.text == "Can you count to three?!"


async def test_a_paste_takes_the_place_of_what_stood_there_untouched(tmp_path):
    """As the draft of the last time, or an example that was run; it can be brought back."""
    async with pair_at(started, tmp_path, size=(140, 40)) as (pair, pilot):
        view = pair.app.query_one(PromptView)
        entry = view.query_one(PromptEntry)
        view.load(pair.workspace.examples[1])
        pair.app.post_message(Paste("New"))
        await until_shown(pilot, "The paste took the place")
        assert entry.text == "New"
        await pilot.press("ctrl+underscore")
        assert entry.text == pair.workspace.examples[1].prompt
        # What was written by hand stays where it is.
        entry.move_cursor(entry.document.end)
        await pilot.press("!", "escape")
        pair.app.post_message(Paste("?"))
        await until(pilot, lambda: entry.text.endswith("!?"))
        assert entry.text == pair.workspace.examples[1].prompt + "!?"


@pytest.mark.parametrize("keys", ["f1", "f2"])
async def test_a_paste_into_a_panel_or_another_view_is_no_prompt(tmp_path, keys):
    async with pair_at(started, tmp_path) as (pair, pilot):
        await pilot.press(keys)
        pair.app.post_message(Paste("something else"))
        await pilot.pause()
        assert pair.app.query_one(PromptEntry).text == ""


async def test_space_on_a_sentence_changes_what_counts_as_instruction_and_edits_keep_it(tmp_path):
    async with pair_at(until_shown, tmp_path, "Opposite of a word", size=(120, 40)) as (
        pair,
        pilot,
    ):
        await pilot.press("escape", "j", "space")
        await until_shown(pilot, "▌ Give the opposite", "▌ Be brief.")
        pair.app.query_one("#sentences").focus()
        await pilot.press("down", "space")
        await pilot.pause()
        shown = screen(pair.app)
        assert "▌ Give the opposite" in shown
        assert "▌ Be brief." not in shown
        prompt = pair.app.query_one(PromptView).current()
        marked = [prompt.text[slice(*span)] for span in prompt.instruction_spans]
        assert marked == ["Give the opposite of the word."]
        entry = pair.app.query_one(PromptEntry)
        entry.move_cursor(entry.document.end)
        entry.insert(" cold")
        await until_shown(pilot, "Output: cold")
        assert "▌ Be brief." not in screen(pair.app)


async def test_the_chat_template_goes_to_the_tuned_model_only(tmp_path):
    async with pair_at(started, tmp_path, size=(140, 40)) as (pair, pilot):
        await pilot.press("ctrl+t", "enter")
        await until_shown(pilot, "different answers")
        asked = [r for r in pair.session.requests if isinstance(r, AttributionRequest)]
        assert [r.chat_template for r in asked] == [True, False]


async def test_a_tuned_model_without_a_chat_template_says_so(tmp_path):
    def script(request):
        if isinstance(request, LoadRequest):
            yield Finished(facts(request.model.name, chat_template=False))
        else:
            yield from answer(request)

    async with pair_at(started, tmp_path, size=(120, 30), script=script) as (pair, pilot):
        await until_shown(pilot, "no chat template in demo-tuned")
        assert pair.app.query_one(Checkbox).disabled


async def test_models_are_loaded_at_the_start_and_then_tokens_are_counted(tmp_path):
    async with pair_at(until_shown, tmp_path, "engine ready", size=(120, 30)) as (pair, pilot):
        assert [type(r) for r in pair.session.requests[:2]] == [LoadRequest, LoadRequest]
        await pilot.press("escape", "space")
        await until_shown(pilot, "demo-base   10 tokens + 1 special")


async def test_a_model_that_cannot_be_loaded_is_said_with_its_remedy(tmp_path):
    def script(request):
        raise problem("model", "There is no model here.", "[red]x[/red]\x1b[0m", "Name another.")
        yield

    async with pair_at(started, tmp_path, size=(120, 30), script=script) as (_, pilot):
        await until_shown(pilot, "There is no model here.", "Name another.", "[red]x[/red]␛[0m")


async def test_the_draft_and_the_history_are_there_the_next_time(tmp_path):
    async with pair_at(started, tmp_path, size=(140, 40)) as (pair, pilot):
        await pilot.press("enter")
        await until_shown(pilot, "different answers")
        await pilot.press("1", "!", "escape", "q")
    first = pair.workspace.examples[0].prompt
    assert [past.text for past in load_state(tmp_path / "state.json").history] == [first]
    async with pair_at(until_shown, tmp_path, "Output:!", size=(140, 40)) as (again, pilot):
        again.app.query_one("#history").focus()
        await pilot.press("enter")
        await until_shown(pilot, "different answers")
        asked = [r for r in again.session.requests if isinstance(r, AttributionRequest)]
        assert {r.prompt for r in asked} == {first}


@pytest.mark.parametrize("focus", ["#entry", "#examples", "#history", "#run", "#template", None])
async def test_what_is_typed_is_the_prompt_wherever_the_focus_is(tmp_path, focus):
    text = "quick: 2 jokes, hjkl? :q /n [c]t"
    async with pair_at(started, tmp_path) as (pair, pilot):
        view = pair.app.query_one(PromptView)
        entry = view.query_one(PromptEntry)
        assert pair.app.focused is entry
        pair.app.base.set_focus(None if focus is None else view.query_one(focus))
        await pilot.pause()
        await pilot.press(*text)
        await until(pilot, lambda: entry.text == text)
        assert pair.app.view is view
        await pilot.press("f2", "1", "!")
        await until(pilot, lambda: entry.text == text + "!")


async def test_escape_makes_plain_letters_keys_until_one_writes_again(tmp_path):
    async with pair_at(started, tmp_path) as (pair, pilot):
        await pilot.press(*"one", "escape", "3")
        await until(pilot, lambda: pair.app.view.id == "heads")
        await pilot.press("1", *" two", "escape", "slash", *"/3")
        entry = pair.app.query_one(PromptEntry)
        await until(pilot, lambda: entry.text == "one two/3")
        await pilot.press("escape", "q")
        await until(pilot, lambda: pair.session.closed)


async def test_lines_are_pasted_or_begun_and_enter_alone_runs(tmp_path):
    async with pair_at(started, tmp_path, size=(120, 40)) as (pair, pilot):
        entry = pair.app.query_one(PromptEntry)
        await pilot.press("a", "ctrl+n", "b", "shift+enter")
        # A paste that the terminal does not mark arrives as keys, all at once.
        for key, text in ("c", "c"), ("enter", "\r"), ("q", "q"), ("ctrl+j", "\n"), ("2", "2"):
            pair.app.post_message(Key(key, text))
        await until(pilot, lambda: entry.text == "a\nb\nc\nq\n2")
        await pilot.press("enter")
        await until_shown(pilot, "different answers")
        assert pair.app.state.history[0].text == "a\nb\nc\nq\n2"


async def test_an_example_is_shown_in_full_with_its_kind_and_up_and_down_choose(tmp_path):
    long = "Tell me. " * 30 + "The end."
    examples = (Example("Short", "First", kind="word"), Example("Long one", long, kind="story"))
    async with pair_at(until_shown, tmp_path, "Short", examples=examples) as (pair, pilot):
        await until_shown(pilot, "Short · word", "enter runs both models on this example")
        await pilot.press("down")
        shown = await until_shown(pilot, "Long one · story", "The end.")
        assert shown.count("Tell me.") == 30
        await pilot.press("enter")
        await until(pilot, lambda: bool(pair.app.state.history))
        assert pair.app.state.history[0].text == long


async def test_a_prompt_that_does_not_fit_is_refused_before_it_runs(tmp_path):
    async with pair_at(until_loaded, tmp_path, size=(120, 40)) as (pair, pilot):
        await pilot.press(*"of so many")
        await until_shown(pilot, "enter runs both models on this prompt · 4 of 512 tokens")
        pair.app.post_message(Paste(" word" * 520))
        await until_shown(pilot, "Too long: 524 of 512 tokens in ● demo-tuned. Shorten it.")
        await pilot.press("enter")
        await until_shown(pilot, "The prompt is too long for the model: 524 of 512 tokens")
        assert pair.app.view.id == "prompt"
        assert not any(isinstance(r, AttributionRequest) for r in pair.session.requests)


async def test_titles_name_the_keys_that_work_where_the_focus_is(tmp_path):
    async with pair_at(until_loaded, tmp_path) as (_, pilot):
        await until_shown(pilot, "─ Examples · up/down choose ─")
        pilot.app.query_one("#examples").focus()
        await until_shown(pilot, "─ Examples · space edits ─")
        # Whatever else is typed is text for the entry, in which a space is a space.
        await pilot.press("a")
        await until_shown(pilot, "─ Examples ──")


async def test_it_is_said_when_tokens_are_counted(tmp_path):
    async with pair_at(until_loaded, tmp_path) as (pair, pilot):
        models = pair.app.status.models
        counts = pilot.app.query_one(TokenCounts)
        counts.set_prompt("some other text", chat_template=False)
        for status, when in (
            (EngineStatus("starting"), "once the engine is up"),
            (EngineStatus("busy"), "once the model is loaded"),
            (EngineStatus("busy", models=models), "once the engine is free"),
        ):
            counts.ask(None, status)
            assert counts.plain.count(f"counted {when}") == 2
            assert counts.awaited == when
