"""From a row of a study to the very case, head or component that it is about, and back."""

from __future__ import annotations

import json

import pytest

from analysis.methods import study_of
from analysis.saliency.cases.prompt_sets import demo_prompts
from analysis.saliency.request import AttributionRequest
from app.config import Annotation, Settings
from app.known_descriptions import study_options
from app.widgets.text_page import TextPage
from tests.app.pair_app import pair_at, screen, until, until_shown
from tests.app.studies_screen import (
    NARROW,
    WIDE,
    finished,
    opened,
    played,
    shown_studies,
    turned_to,
)
from tests.support import scripted_studies
from tests.support.scripted_studies import SPECS


@pytest.fixture(autouse=True)
def play(monkeypatch):
    """The script of the studies, which are in place of the real ones."""
    yield from played(monkeypatch)


def key_line(app):
    return screen(app).splitlines()[-1]


async def until_idle(pilot, pair):
    await until(pilot, lambda: pair.app.status.state == "idle")


async def test_a_row_shows_the_maps_that_its_numbers_are_of_and_escape_leads_back(tmp_path, play):
    async with pair_at(opened, tmp_path, "Every response", size=WIDE) as (pair, pilot):
        await pilot.press("j", "j", "enter")
        prompts = demo_prompts()
        first_words = prompts.prompts[1].prompt.split("\n")[0][:40]
        await until_shown(pilot, "instruction score", first_words)
        asked = [r for r in pair.session.requests if isinstance(r, AttributionRequest)]
        assert asked == list(play.given[0].requests(prompts.prompts[1]))[::-1]
        assert [each.model.name for each in asked] == ["demo-tuned", "demo-base"]
        assert {each.max_new_tokens for each in asked} == {prompts.max_new_tokens}
        await until_idle(pilot, pair)
        await pilot.press("escape")
        await until_shown(pilot, "Every response")
        rows = pair.app.query_one("#rows")
        assert (rows.cursor, pair.app.focused) == (2, rows)
        await pilot.press("enter")
        await until_shown(pilot, "instruction score")
        await pilot.press("f5")
        await until_shown(pilot, "Every response")
        assert (rows.cursor, pair.app.focused) == (2, rows)
        # Without a link it leads to the first view.
        await pilot.press("f2")
        await until_shown(pilot, "instruction score")
        await pilot.press("escape")
        await until_shown(pilot, "Examples")


async def go_down(pilot, rows):
    """Press the key for the next row once for each, when the table takes it."""
    table = pilot.app.query_one("#rows")
    await until(pilot, lambda: table.has_focus and table.cursor == 0)
    await pilot.press(*["j"] * rows)
    await until(pilot, lambda: table.cursor == rows)


async def test_escape_leads_back_from_a_head_and_from_a_component(tmp_path):
    async with pair_at(shown_studies, tmp_path, size=WIDE) as (pair, pilot):
        await pilot.press("j", "enter")
        await until_shown(pilot, "Heads changed.")
        await pilot.press("enter")
        await turned_to(pilot, "Every head")
        await go_down(pilot, 6)
        await pilot.press("enter")
        await until_shown(pilot, "layer 1 · head 2", "kept")
        await pilot.press("escape")
        await until_shown(pilot, "Every head")
        assert pair.app.query_one("#rows").cursor == 6
        await turned_to(pilot, "Every component")
        await go_down(pilot, 10)
        await pilot.press("enter")
        await until_shown(pilot, "layer 1 ·", "base 4 ")
        await pilot.press("escape")
        await until_shown(pilot, "Every component")
        assert pair.app.query_one("#rows").cursor == 10
        # Both views are there now.
        await pilot.press("end", "k", "enter")
        await until_shown(pilot, "layer 2 ·", "tuned 4 ")
        await pilot.press("f5")
        await turned_to(pilot, "Every head")
        await pilot.press("home", "enter")
        await until_shown(pilot, "layer 0 · head 0")


async def test_the_study_of_concepts_is_told_where_descriptions_are(tmp_path, play, monkeypatch):
    named = study_of("concepts")._replace(factory=SPECS[1].factory)
    monkeypatch.setattr("app.views.studies.desk.studies", lambda: (SPECS[0], named))
    annotation = Annotation(model="describer")
    async with pair_at(finished, tmp_path, settings=Settings(annotation=annotation)) as (_, pilot):
        await pilot.press("j", "enter")
        await until_shown(pilot, "Heads changed.")
    assert study_options(annotation).items() <= vars(play.given[1]).items()


async def test_what_was_found_on_other_prompts_is_said_to_be(tmp_path):
    lines = [{"prompt": f"Say {number}.", "id": f"p{number}"} for number in range(3)]
    (tmp_path / "prompts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    async with pair_at(opened, tmp_path, "Every response", size=WIDE) as (pair, pilot):
        await pilot.press("escape", "p", *"prompts.jsonl", "enter")
        text = pair.app.query_one("#text", TextPage)
        said = (
            "This was found on both models' answers to the demo's held-out prompts. r runs it on "
            "both models' answers to 3 prompts of prompts.jsonl, the instructions guessed."
        )
        await until(pilot, lambda: said in text.plain)
        await until_shown(pilot, "This was found on")
        await pilot.press("r")
        await until(pilot, lambda: "This was found on" not in screen(pair.app))
        await until_shown(pilot, "Tuned scores are higher")


async def test_prompts_are_named_only_where_a_study_takes_them(tmp_path):
    async with pair_at(shown_studies, tmp_path) as (pair, pilot):
        assert "p prompts" in key_line(pair.app)
        await pilot.press("j")
        await until(pilot, lambda: "p prompts" not in key_line(pair.app))
        await pilot.press("p")
        assert not pair.app.query_one("#prompts").has_focus
        await pilot.press("k", "p")
        await until_shown(pilot, "prompts: a .jsonl, .csv or .tsv file")
        # Enter reads the file now.
        assert "run/open" not in key_line(pair.app)


async def test_an_open_page_says_how_far_a_run_is_where_the_list_is_hidden(tmp_path, play):
    async with pair_at(finished, tmp_path, size=NARROW) as (_, pilot):
        play.gate.clear()
        await pilot.press("r", "enter")
        await until_shown(
            pilot, "asking demo-base 0 of 12 · case-0", "1 of 7", "s stop", "esc back"
        )


async def test_a_title_too_long_for_a_line_goes_on_in_the_next(tmp_path, monkeypatch):
    title = "Mean scores of responses that followed the instruction and of those that did not"
    found = scripted_studies.scores_found

    def renamed(ids):
        findings = found(ids)
        first = scripted_studies.NamedTable("cases", title, findings.tables[0].table, "case")
        return scripted_studies.Findings("scores", title, findings.statements, (first,))

    monkeypatch.setattr(scripted_studies, "scores_found", renamed)
    async with pair_at(finished, tmp_path, size=NARROW) as (pair, pilot):
        await pilot.press("enter", "l", "l")
        await until_shown(pilot, "3 of 4", "followed_or_not")
        shown = " ".join(screen(pair.app).split())
        assert shown.replace("3 of 4 ←→ ", "").count(title) == 1
        # The id of a case is whole: its end tells it from the next.
        assert demo_prompts().prompts[0].id in shown
