"""The program with a server that writes the responses: the tables of a local run, byte by byte."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from analysis.models.references import resolve
from analysis.saliency.request import AttributionRequest
from analysis.session.session import Session
from cache.store import Store
from tests.support.chat_server import Fault
from tests.support.program import Home, wait_until
from tests.support.response_server import ResponseServer, Script, response_server

pytestmark = pytest.mark.slow

PAIR = ("demo-base", "demo-tuned")
PROMPTS = [
    {"id": "one", "prompt": "Write a word.", "instruction_spans": ["Write"], "rating": 3},
    {"id": "two", "prompt": "Name a letter.", "rating": 1},
    {"id": "three", "prompt": "Say yes or no to this, please."},
    {"id": "four", "prompt": "What is it?"},
    {"id": "long", "prompt": "never " * 600},
]
LIMIT = 6
DENSITY = (
    *("study", "density", "--base", PAIR[0], "--tuned", PAIR[1], "--prompts", "set.jsonl"),
    *("--max-new-tokens", str(LIMIT), "--device", "cpu"),
)
END = 1


def scripts(cache: Path) -> list[dict[tuple[int, ...], Script]]:
    """What both models said, out of a cache."""
    store = Store(cache)
    session = Session(store)
    found: list[dict[tuple[int, ...], Script]] = []
    try:
        for name in PAIR:
            found.append({})
            for each in PROMPTS[:-1]:
                model = resolve(name)
                request = AttributionRequest(
                    type(model)(model.name, model.location, device="cpu"),
                    str(each["prompt"]),
                    max_new_tokens=LIMIT,
                )
                answer = session.cached(request)
                assert answer is not None
                ids, ended = answer.response_tokens.ids, answer.ended == "end"
                found[-1][answer.prompt_tokens.ids] = Script(
                    (*ids, END) if ended else ids, answer.response, "stop" if ended else "length"
                )
    finally:
        session.close()
        store.close()
    return found


def tables(folder: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in folder.glob("density/*.csv")}
    assert found
    return found


@pytest.mark.timeout(1200)
def test_the_tables_of_a_local_run_by_a_server_even_if_it_dies_or_the_study_is_killed(
    home: Home,
) -> None:
    (home.work / "set.jsonl").write_text("".join(json.dumps(each) + "\n" for each in PROMPTS))
    calm = home.run(*DENSITY, "--out", "calm", "--cache-dir", "calm-cache")
    assert calm.status == 0, calm.errors
    with response_server() as server:
        both = scripts(home.work / "calm-cache")
        for name, responses in zip(PAIR, both, strict=True):
            server.serve_as(name, responses)
        served = (
            *DENSITY,
            *("--base-server", server.address, "--tuned-server", server.address),
            *("--out", "served"),
        )
        # One at a time, so that three in a row find it dead.
        dies_after(server, 1)
        broken = home.run(*served, "--server-concurrency", "1")
        assert broken.status != 0
        assert "failed" in broken.errors or "cannot be reached" in broken.errors, broken.errors
        server.faults.clear()
        served = (*served, "--server-concurrency", "2")
        process = home.start(*served)
        wait_until(lambda: len(server.answered) >= 5, "some responses")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        wait_until(lambda: not home.processes(), "the end of every process")
        done = home.run(*served)
        assert done.status == 0, done.errors
    assert tables(home.work / "served") == tables(home.work / "calm")
    assert (home.work / "served/cases/cases.jsonl").read_bytes() == (
        home.work / "calm/cases/cases.jsonl"
    ).read_bytes()
    told = (home.work / "served/density/report.md").read_text()
    assert f"{server.address} (model {PAIR[1]})" in told
    # Three runs, and at most what was on its way when one ended is asked for twice.
    assert len(server.answered) <= 2 * (len(PROMPTS) - 1) + 2 * 2


def dies_after(server: ResponseServer, count: int) -> None:
    """Drop every connection behind so many answers."""

    def changes(choice: object, body: object) -> None:
        if len(server.answered) + 1 == count:
            server.faults.extend([Fault(dropped=True)] * 40)

    server.changes = changes
