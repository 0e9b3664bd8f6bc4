"""Findings about a pair in words, for the terminal and for the app's page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from analysis.doctor.findings import Finding, Findings, Level
from app.terminal.text import prose

_MARKS: dict[Level, str] = {"ok": "✓", "warning": "!", "cannot": "✗"}
_ASCII: dict[Level, str] = {"ok": "+", "warning": "!", "cannot": "x"}
_INDENT = 9


def summary(findings: Findings) -> str:
    """``Nothing wrong was found.``, or how many warnings and obstacles there are."""
    warnings, obstacles = len(findings.at("warning")), len(findings.at("cannot"))
    parts = [
        f"{count} {noun}{'' if count == 1 else 's'}"
        for count, noun in ((obstacles, "obstacle"), (warnings, "warning"))
        if count
    ]
    return f"{' and '.join(parts)}." if parts else "Nothing wrong was found."


def blocks(
    findings: Findings, width: int, *, ascii_only: bool = False
) -> Iterator[tuple[Level, str]]:
    """Every finding as harmless lines of at most `width` cells, the worst first."""
    for level in ("cannot", "warning", "ok"):
        for finding in findings.at(level):
            yield level, "\n".join(_lines(finding, width, ascii_only=ascii_only))


def _lines(finding: Finding, width: int, *, ascii_only: bool) -> Iterable[str]:
    mark = (_ASCII if ascii_only else _MARKS)[finding.level]
    arrow = "->" if ascii_only else "→"
    yield from _wrapped(finding.what, width, f"{mark} {finding.about:<{_INDENT - 3}} ", ascii_only)
    if finding.why:
        yield from _wrapped(finding.why, width, " " * _INDENT, ascii_only)
    if finding.remedy:
        yield from _wrapped(finding.remedy, width, f"{' ' * _INDENT}{arrow} ", ascii_only)


def _wrapped(text: str, width: int, first: str, ascii_only: bool) -> list[str]:
    return textwrap.wrap(
        prose(text, ascii_only=ascii_only),
        max(width, _INDENT + 20),
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_on_hyphens=False,
    )
