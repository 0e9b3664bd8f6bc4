"""What standard error says of a study: how far, how fast, how long still."""

import pytest

from analysis.events import Progress
from analysis.studies.findings import Findings
from app.commands.study_progress import follow, in_words
from app.jobs.pace import Pace


def at_pace(total, *moments):
    """A pace that reached 0, 1, 2, … at these seconds."""
    clock = iter(moments)
    pace = Pace(lambda: next(clock))
    for done in range(len(moments)):
        pace.reached(done)
    return Progress("asking demo-base", len(moments) - 1, total, "case"), pace


@pytest.mark.parametrize(
    ("total", "moments", "words"),
    [
        (200, (0.0,), "asking demo-base: 0 of 200"),
        (12, (0.0, 0.5, 1.0), "asking demo-base: 2 of 12, 2.0 a second, 5 s left"),
        (62, (0.0, 30.0, 60.0), "asking demo-base: 2 of 62, 30.0 s each, 30 min left"),
        (2002, (0.0, 30.0, 60.0), "asking demo-base: 2 of 2002, 30.0 s each, 16.7 h left"),
        (None, (0.0, 0.5, 1.0), "asking demo-base: 2, 2.0 a second"),
    ],
)
def test_rate_and_time_left_follow_from_the_last_steps(total, moments, words):
    assert in_words(*at_pace(total, *moments)) == words


def test_a_log_has_a_line_every_tenth_of_a_stage_and_no_terminal_codes(capsys):
    findings = Findings("s", "title", (), ())

    def study():
        for done in range(100):
            yield Progress("reading", done, 100, "case \x1b[31m")
        yield Progress("more \x1b[31m", 0, None)
        return findings

    assert follow(study()) is findings
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[3].startswith("insttui: reading: 30 of 100")
    assert not any("\x1b" in line for line in lines)


def test_a_study_that_is_interrupted_is_closed():
    closed = []

    def study():
        try:
            yield Progress("reading", 0, 2)
            raise KeyboardInterrupt
        finally:
            closed.append(True)

    with pytest.raises(KeyboardInterrupt):
        follow(study())
    assert closed == [True]
