"""Explains an endpoint's refusals to the user: what happened, why, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from analysis.concepts.annotation.endpoint import Endpoint
from analysis.concepts.annotation.server_words import code, reason
from analysis.problems import Problem

_LONGEST_QUOTE = 300
_KEPT = "Go on later; existing answers are kept."
_ADDRESS = "Check OPENAI_BASE_URL, which often ends in /v1."
_SHIPPED = Path(__file__).with_name("templates.toml")

_NO_SYSTEM_ROLE = re.compile(
    r"system[ _]?(?:role|message|prompt|instruction)|(?:role|roles)\W+(?:\w+\W+){0,3}system\b"
    r"|developer instruction|only user and assistant roles|roles must alternate",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(r"\bmodel\b.*\b(?:not found|not exist|unknown)|unknown model", re.IGNORECASE)
_NEWER_LIMIT = re.compile(
    r"max_completion_tokens"
    r"|max_tokens\b.*\b(?:not (?:supported|permitted|allowed|recogni[sz]ed)|unsupported|unknown"
    r"|unexpected|deprecated|forbidden|extra)"
    r"|(?:unsupported|unknown|unexpected|unrecogni[sz]ed|extra) [\w ]*\W{0,3}max_tokens\b",
    re.IGNORECASE,
)
# Topics of reasons, and what helps.
_REMEDIES = (
    (
        _NO_SYSTEM_ROLE,
        f"The model takes no system role: set system_role = false in a copy of {_SHIPPED}, and name"
        " it with --templates.",
    ),
    (
        re.compile(r"temperature|top_p", re.IGNORECASE),
        "Choose a model that lets temperature and top_p be chosen: the first description and what"
        " follows from it are asked for at temperature 0.",
    ),
    (
        re.compile(r"context (?:length|window|size)|too long|too many (?:input )?tokens", re.I),
        "Send fewer words of a component, with --words, or choose a model that reads more.",
    ),
    (
        _NEWER_LIMIT,
        "It takes a limit of tokens neither as max_tokens nor as max_completion_tokens: choose"
        " another model or server.",
    ),
    (
        re.compile(r"max_(?:completion_)?tokens", re.IGNORECASE),
        f"Change max_tokens in a copy of {_SHIPPED}, and name it with --templates.",
    ),
)


@dataclass(frozen=True)
class Refusal:
    """A refusal as told to the user.

    `again`: the same question may work later; `busy`: the server works but gets too many requests.
    """

    problem: Problem
    again: bool = False
    busy: bool = False


def wants_newer_limit(said: object) -> bool:
    """Whether the server wants ``max_completion_tokens``, as newer models do."""
    return bool(_NEWER_LIMIT.search(reason(said)))


def refusal(endpoint: Endpoint, status: int, said: object) -> Refusal:
    """Explain an error with an HTTP status, or the one inside an error with status 200; 0 for none.

    `said` is what the server sent; see `server_words.reason`.
    """
    place, quote = endpoint.place, _quote(endpoint, said)
    answered = f"It answered with status {status}" if status else "It answered with an error"
    why = f"{answered}: {quote}" if quote else f"{answered}."
    exhausted = status == 402 or code(said) == "insufficient_quota"
    remedy = next((helps for speaks_of, helps in _REMEDIES if speaks_of.search(quote)), "")
    if status == 401:
        what = f"{place} does not accept the key."
        remedy = "Check OPENAI_API_KEY, and that it belongs to this endpoint."
        if not endpoint.api_key:
            what, remedy = f"{place} asks for a key.", "Set OPENAI_API_KEY."
        return _final(what, why, remedy)
    if exhausted:
        return _final(
            f"The account at {place} has no credit left.",
            why,
            "Add to it and start again; answers that are here are not asked for again.",
        )
    if _NO_SYSTEM_ROLE.search(quote):
        # Some servers send this with status 500 and would repeat it on every retry.
        return _final(f"{place} rejects the question.", why, remedy)
    if status == 403:
        remedy = "Check OPENAI_API_KEY, and what it may be used for."
        return _final(f"{place} does not allow that with this key.", why, remedy)
    if status in (404, 405) or (400 <= status < 500 and _NO_MODEL.search(quote)):
        return _final(
            f"{place} has no model {endpoint.model!r}, or no chat under this address.",
            why,
            "Check the model's name and OPENAI_BASE_URL, which often ends in /v1.",
        )
    if status == 429:
        problem = Problem(
            kind="network",
            what=f"{place} received too many requests.",
            why=why,
            remedy="Ask fewer at a time, or go on later; existing answers are kept.",
        )
        return Refusal(problem, again=True, busy=True)
    if status >= 500 or status in (408, 409):
        return Refusal(_network(f"{place} failed.", why, _KEPT), again=True)
    if not status:
        remedy = remedy or f"Check the model's name. {_ADDRESS}"
        return Refusal(_network(f"{place} answers with an error.", why, remedy), again=True)
    return _final(
        f"{place} rejects the question.",
        why,
        remedy or "Check that the model is one for chat, and lets its temperature be chosen.",
    )


def no_choice(endpoint: Endpoint) -> Refusal:
    """The server sent a chat completion without choices."""
    problem = _network(
        f"{endpoint.place} answers with no text.",
        "Its list of choices is empty.",
        f"Choose another model if it goes on like that. {_KEPT}",
    )
    return Refusal(problem, again=True)


def no_completion(endpoint: Endpoint, said: object) -> Refusal:
    """The status is success, but the response is not a chat completion."""
    quote = _quote(endpoint, said) if isinstance(said, str) else ""
    problem = _network(
        f"{endpoint.place} did not return a chat completion.",
        f"It begins: {quote}" if quote else "",
        _ADDRESS,
    )
    return Refusal(problem, again=True)


def _quote(endpoint: Endpoint, said: object) -> str:
    """What the server says, as a sentence of limited length, without the key."""
    text = endpoint.without_key(reason(said))
    if len(text) > _LONGEST_QUOTE:
        return f"{text[:_LONGEST_QUOTE]}…"
    return text if not text or text[-1] in ".!?…" else f"{text}."


def _final(what: str, why: str, remedy: str) -> Refusal:
    return Refusal(Problem(kind="input", what=what, why=why, remedy=remedy))


def _network(what: str, why: str, remedy: str) -> Problem:
    return Problem(kind="network", what=what, why=why, remedy=remedy)
