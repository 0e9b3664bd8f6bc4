"""Explains an endpoint's refusals to the user: what happened, why, and what to do."""

from __future__ import annotations

import re
from pathlib import Path

from analysis.servers.endpoint import Endpoint
from analysis.servers.refusals import (
    KEPT,
    Refusal,
    answered,
    common,
    exhausted,
    final,
    network,
    quote,
)
from analysis.servers.server_words import reason

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


def wants_newer_limit(said: object) -> bool:
    """Whether the server wants ``max_completion_tokens``, as newer models do."""
    return bool(_NEWER_LIMIT.search(reason(said)))


def refusal(endpoint: Endpoint, status: int, said: object) -> Refusal:
    """Explain an error with an HTTP status, or the one inside an error with status 200; 0 for none.

    `said` is what the server sent; see `server_words.reason`.
    """
    place, said_words = endpoint.place, quote(endpoint, said)
    why = answered(endpoint, status, said)
    remedy = next((helps for speaks_of, helps in _REMEDIES if speaks_of.search(said_words)), "")
    about_account = status == 401 or exhausted(status, said)
    if _NO_SYSTEM_ROLE.search(said_words) and not about_account:
        # Some servers send this with status 500 and would repeat it on every retry.
        return final(f"{place} rejects the question.", why, remedy)
    if found := common(endpoint, status, said):
        return found
    if status in (404, 405) or (400 <= status < 500 and _NO_MODEL.search(said_words)):
        return final(
            f"{place} has no model {endpoint.model!r}, or no chat under this address.",
            why,
            "Check the model's name and OPENAI_BASE_URL, which often ends in /v1.",
        )
    if not status:
        remedy = remedy or f"Check the model's name. {_ADDRESS}"
        return Refusal(network(f"{place} answers with an error.", why, remedy), again=True)
    return final(
        f"{place} rejects the question.",
        why,
        remedy or "Check that the model is one for chat, and lets its temperature be chosen.",
    )


def no_choice(endpoint: Endpoint) -> Refusal:
    """The server sent a chat completion without choices."""
    problem = network(
        f"{endpoint.place} answers with no text.",
        "Its list of choices is empty.",
        f"Choose another model if it goes on like that. {KEPT}",
    )
    return Refusal(problem, again=True)


def no_completion(endpoint: Endpoint, said: object) -> Refusal:
    """The status is success, but the response is not a chat completion."""
    begins = quote(endpoint, said) if isinstance(said, str) else ""
    problem = network(
        f"{endpoint.place} did not return a chat completion.",
        f"It begins: {begins}" if begins else "",
        _ADDRESS,
    )
    return Refusal(problem, again=True)
