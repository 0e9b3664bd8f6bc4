"""Explains refusals that any server may give: the key, the credit, too many requests, a failure."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.problems import Problem, ProblemError
from analysis.servers.endpoint import Endpoint
from analysis.servers.pace import TryAgainError
from analysis.servers.server_words import code, reason

KEPT = "Go on later; existing answers are kept."
_LONGEST_QUOTE = 300


@dataclass(frozen=True)
class Refusal:
    """A refusal as told to the user.

    `again`: the same question may work later; `busy`: the server works but gets too many requests.
    """

    problem: Problem
    again: bool = False
    busy: bool = False

    def raised(self, after: float | None = None) -> TryAgainError | ProblemError:
        """The error to raise, for a server that wants to be asked after so many seconds."""
        if self.again:
            return TryAgainError(self.problem, after=after, busy=self.busy)
        return ProblemError(self.problem)


def common(endpoint: Endpoint, status: int, said: object) -> Refusal | None:
    """Explain an error with an HTTP status, 0 for none; None for one that this file knows not.

    `said` is what the server sent; see `server_words.reason`.
    """
    place, why = endpoint.place, answered(endpoint, status, said)
    if status == 401:
        what = f"{place} does not accept the key."
        remedy = "Check OPENAI_API_KEY, and that it belongs to this endpoint."
        if not endpoint.api_key:
            what, remedy = f"{place} asks for a key.", "Set OPENAI_API_KEY."
        return final(what, why, remedy)
    if exhausted(status, said):
        return final(
            f"The account at {place} has no credit left.",
            why,
            "Add to it and start again; answers that are here are not asked for again.",
        )
    if status == 403:
        remedy = "Check OPENAI_API_KEY, and what it may be used for."
        return final(f"{place} does not allow that with this key.", why, remedy)
    if status == 429:
        remedy = "Ask fewer at a time, or go on later; existing answers are kept."
        busy = network(f"{place} received too many requests.", why, remedy)
        return Refusal(busy, again=True, busy=True)
    if status >= 500 or status in (408, 409):
        return Refusal(network(f"{place} failed.", why, KEPT), again=True)
    return None


def exhausted(status: int, said: object) -> bool:
    """Whether the account has no credit left."""
    return status == 402 or code(said) == "insufficient_quota"


def answered(endpoint: Endpoint, status: int, said: object) -> str:
    """In a sentence, that the server answered with an error, and what it said."""
    words = f"It answered with status {status}" if status else "It answered with an error"
    found = quote(endpoint, said)
    return f"{words}: {found}" if found else f"{words}."


def quote(endpoint: Endpoint, said: object) -> str:
    """What the server says, as a sentence of limited length, without the key."""
    text = endpoint.without_key(reason(said))
    if len(text) > _LONGEST_QUOTE:
        return f"{text[:_LONGEST_QUOTE]}…"
    return text if not text or text[-1] in ".!?…" else f"{text}."


def final(what: str, why: str, remedy: str) -> Refusal:
    """A refusal that stays."""
    return Refusal(Problem(kind="input", what=what, why=why, remedy=remedy))


def network(what: str, why: str, remedy: str) -> Problem:
    return Problem(kind="network", what=what, why=why, remedy=remedy)
