"""Memory runs out while the engine computes: it says so, survives, and goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.program import Home, engine_of

PAGE = 4096
ROOM = 8 << 20
PAIR = ("tireless", "restless")
LONG_PROMPT = "Write one sentence about the weather. " * 300


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a running process")
def test_memory_that_runs_out_while_computing_leaves_the_engine_alive(cold_home: Home) -> None:
    import resource

    cold_home.write_draft(LONG_PROMPT)
    with cold_home.terminal("--base", PAIR[0], "--tuned", PAIR[1]) as terminal:
        # Both are loaded once the tokens of both are counted.
        terminal.wait_for_screen("engine ready", *(f"{name}  2400 tokens" for name in PAIR))
        engine = engine_of(terminal.pid)
        used = int(Path(f"/proc/{engine}/statm").read_text().split()[0]) * PAGE
        unlimited = resource.prlimit(engine, resource.RLIMIT_AS)
        resource.prlimit(engine, resource.RLIMIT_AS, (used + ROOM, unlimited[1]))
        terminal.write("\x12")
        terminal.wait_for_screen(
            "The memory of cpu does not suffice to explain this response.",
            "Shorten the prompt",
            "r runs it again",
        )
        resource.prlimit(engine, resource.RLIMIT_AS, unlimited)
        terminal.write("1")
        terminal.wait_for_screen("Examples")
        terminal.write("\x0c")
        terminal.wait_for_screen("Type or paste a prompt")
        terminal.paste("Hello world, how are you today?")
        terminal.wait_for_screen("│ Hello world, how are you today?")
        terminal.write("\x12")
        # It is attributed once its response is written, by the same process.
        terminal.wait_for_screen("restless: attributing")
        assert engine_of(terminal.pid) == engine
        terminal.end()
