"""An endpoint with OpenAI's chat protocol: its address, model and key."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from analysis.problems import problem

OPENAI = "https://api.openai.com/v1"
HOW_TO_ADD_ONE = (
    "Set OPENAI_API_KEY for OpenAI, or OPENAI_BASE_URL for any other server that speaks its"
    " protocol, such as one of your own."
)

SHORTEST_SECRET = 8
"""Minimum length in characters of a key that is redacted in messages."""

# How many characters servers leave visible at either end of a masked key, and how they mask.
_SHOWN = 3
_MASKED = re.compile(r"[\w.-]*(?:\*{2,}|\.{3,}|…)[\w.*…-]*")


class Endpoint(msgspec.Struct, frozen=True):
    """A server, a model on it, and the key, which is never part of a `repr`.

    The address goes up to and without ``/chat/completions``; the key is empty if none is needed.
    """

    model: str
    base_url: str = OPENAI
    api_key: str = ""

    def __repr__(self) -> str:
        """Everything except the key."""
        return f"Endpoint(model={self.model!r}, base_url={self.place!r})"

    @property
    def place(self) -> str:
        """The address without user, password and query, for display."""
        parts = urlsplit(self.base_url)
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}{parts.path}".rstrip("/")

    def without_key(self, text: str) -> str:
        """An error text with the key redacted, in case a server has repeated it.

        Also recognises keys with a masked middle. Local servers need no key and are given ``none``,
        ``test`` or ``x``: such short keys are no secret, and their letters occur in every message.
        """
        if len(self.api_key) < SHORTEST_SECRET:
            return text
        first, last = self.api_key[:_SHOWN], self.api_key[-_SHOWN:]

        def blotted(masked: re.Match[str]) -> str:
            word = masked[0]
            is_ours = word.startswith(first) or word.rstrip(".…*").endswith(last)
            return "[key]" if is_ours else word

        return _MASKED.sub(blotted, text.replace(self.api_key, "[key]"))


def endpoint(
    model: str = "", base_url: str = "", environment: Mapping[str, str] = os.environ
) -> Endpoint:
    """The endpoint from the settings and the environment; settings take precedence.

    Args:
        model: The model's name there.
        base_url: Its address; else OPENAI_BASE_URL, else OpenAI's own if there is a key.
        environment: Where OPENAI_API_KEY and OPENAI_BASE_URL are looked up. The key has no other
            source, so it is in no file and no process list.

    Raises:
        ProblemError: ``input`` if there is no endpoint, its address is invalid, or no model is
            named.
    """
    key = key_in(environment)
    address = (base_url or environment.get("OPENAI_BASE_URL", "")).strip().rstrip("/")
    if not key and not address:
        raise problem(
            "input", "There is no endpoint that could describe components.", remedy=HOW_TO_ADD_ONE
        )
    if not model.strip():
        raise problem(
            "input",
            "No model is set for describing components.",
            remedy="Name one that the endpoint offers.",
        )
    return checked(Endpoint(model.strip(), address or OPENAI, key), HOW_TO_ADD_ONE)


def key_in(environment: Mapping[str, str]) -> str:
    """The key, empty for none; the environment is its only source."""
    return environment.get("OPENAI_API_KEY", "").strip()


def checked(found: Endpoint, remedy: str) -> Endpoint:
    """The endpoint itself; raises ProblemError, ``input``, if address or key cannot be used."""
    try:
        parts = urlsplit(found.base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        usable = usable and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise problem(
            "input",
            "The endpoint's address cannot be used.",
            "It must begin with http:// or https:// and name a host, as in http://localhost:8000/v1.",
            remedy,
        )
    if not found.api_key.isascii() or any(map(str.isspace, found.api_key)):
        raise problem(
            "input",
            "OPENAI_API_KEY is not a valid key.",
            "It contains spaces or characters beyond ASCII.",
            remedy,
        )
    return found
