"""What a study that has not ended takes: how many answers, and what they cost, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from app.jobs.progress_text import duration

if TYPE_CHECKING:
    from analysis.studies.outlook import Outlook
    from app.jobs.prices import Prices

_ESTIMATED = "an estimate, as nothing of the kind was measured on this machine yet"


class Ahead(NamedTuple):
    """What a study takes that has not ended.

    Attributes:
        asked: How many answers, as far as that is known.
        kept: How many of them are stored.
        seconds: What the others cost; None if that is not known.
        measured: Whether this machine has measured what such answers cost.
        more: What comes on top, of unknown cost; empty for nothing.
    """

    asked: int
    kept: int
    seconds: float | None
    measured: bool
    more: str = ""


def ahead_of(outlook: Outlook, prices: Prices) -> Ahead:
    """An outlook with what its missing answers cost."""
    seconds, measured = prices.of_requests(outlook.missing), prices.measured(outlook.missing)
    return Ahead(outlook.asked, outlook.kept, seconds, measured, outlook.more)


def ahead_words(ahead: Ahead) -> str:
    """How far a study is and what the rest costs, in sentences."""
    answers = f"{ahead.asked:,} answer{'' if ahead.asked == 1 else 's'}"
    more = f" On top comes {ahead.more}." if ahead.more else ""
    if ahead.kept >= ahead.asked:
        takes = "" if more else ": a moment"
        return f"It takes {answers}, and all of them are kept from before{takes}.{more}"
    kept = f", of which {ahead.kept:,} are kept from before" if ahead.kept else ""
    said = f"It takes {answers}{kept}."
    if ahead.seconds is not None:
        whose = "as measured on this machine" if ahead.measured else _ESTIMATED
        which = "The others take" if ahead.kept else "That takes"
        said += f" {which} about {duration(ahead.seconds)}, {whose}."
    return said + more
