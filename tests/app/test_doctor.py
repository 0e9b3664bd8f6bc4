"""The doctor in the app: it speaks up once, for a pair that is not well, and opens a page."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.doctor.findings import Finding, Findings
from analysis.doctor.request import ExaminationRequest
from analysis.events import Event, Finished
from analysis.models.request import LoadRequest
from analysis.request import Request
from app.findings_text import summary
from tests.app.pair_app import pair_at, requests_of, screen, until, until_loaded, until_shown
from tests.support.scripted_session import answer

OTHERS = ("org/base", "org/tuned")
WELL = Finding("tokenizer", "ok", "pair", "Both models cut text alike.")
TEMPLATE = Finding("template", "warning", "tuned", "It has no chat template\x1b[2J.", "So.", "Add.")
MEMORY = Finding("memory", "cannot", "pair", "Nothing fits.", "10 GB are missing.", "Buy some.")


def finding(*findings: Finding):
    def script(request: Request) -> Iterator[Event]:
        if isinstance(request, ExaminationRequest):
            yield Finished(Findings(findings))
        else:
            yield from answer(request)

    return script


async def open_doctor(pilot) -> None:
    await pilot.press("ctrl+p")
    await until_shown(pilot, "Search for commands")
    await pilot.press(*"doctor")
    await until_shown(pilot, "Doctor: what is wrong")
    await pilot.press("down", "enter")


async def test_warnings_are_counted_in_a_notice_and_told_on_a_page(tmp_path):
    script = finding(WELL, TEMPLATE, MEMORY)
    async with pair_at(until_loaded, tmp_path, script=script, names=OTHERS) as (pair, pilot):
        await until_shown(pilot, "1 obstacle and 1 warning")
        kinds = [type(request) for request in pair.session.requests]
        assert kinds.index(ExaminationRequest) > max(
            place for place, kind in enumerate(kinds) if kind is LoadRequest
        )
        await open_doctor(pilot)
        shown = await until_shown(pilot, "Nothing fits.", "→ Buy some.", "✓ pair")
        assert shown.index("Nothing fits.") < shown.index("no chat template")
        assert "\x1b" not in shown
        assert len(requests_of(pair, ExaminationRequest)) == 1


async def test_a_single_warning_is_told_in_full(tmp_path):
    script = finding(WELL, TEMPLATE)
    async with pair_at(until_loaded, tmp_path, script=script, names=OTHERS) as (_, pilot):
        await until_shown(pilot, "no chat template", "Doctor in the palette")


async def test_a_healthy_pair_is_left_alone(tmp_path):
    async with pair_at(until_loaded, tmp_path, script=finding(WELL), names=OTHERS) as (pair, pilot):
        await until(pilot, lambda: bool(requests_of(pair, ExaminationRequest)))
        await pilot.pause(0.2)
        assert "About this pair" not in screen(pair.app)


async def test_the_demo_pair_is_examined_on_request_alone(tmp_path):
    async with pair_at(until_loaded, tmp_path, script=finding(WELL)) as (pair, pilot):
        assert requests_of(pair, ExaminationRequest) == []
        await open_doctor(pilot)
        await until_shown(pilot, "Nothing wrong was found.", "Both models cut text alike.")


def test_a_summary_counts():
    assert summary(Findings((WELL, TEMPLATE, TEMPLATE))) == "2 warnings."
    assert summary(Findings((MEMORY, TEMPLATE))) == "1 obstacle and 1 warning."
