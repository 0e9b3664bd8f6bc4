"""Extracts a server's error reason as one line, whatever format it comes in.

OpenAI sends ``{"error": {"message", "code"}}``. Others send ``error`` as a string, a top-level
``message``, FastAPI's ``detail`` (a string or a list of locations and messages), a list of errors,
or an HTML page.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping

PLACES = ("error", "errors", "message", "detail", "details", "msg", "error_message", "reason")
"""Keys that may hold a reason, most likely first."""
_PAGE = re.compile(r"\s*<(?:!doctype|html|head|body|\?xml|[a-z][a-z0-9]*[\s>])", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_UNREAD = re.compile(r"<(script|style)\b.*?</\1>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_LONGEST_OF_PAGE = 120
_DEEPEST = 6


def reason(said: object) -> str:
    """The reason on one line, empty if there is none, in decoded JSON or text that is not JSON."""
    return " ".join(_reason(said, _DEEPEST).split())


def code(said: object) -> str:
    """The machine-readable code of the reason, such as ``content_filter``; empty for none."""
    inner = said.get("error") if isinstance(said, Mapping) else None
    for each in (inner, said):
        found = each.get("code") if isinstance(each, Mapping) else None
        if isinstance(found, str | int) and not isinstance(found, bool):
            return str(found)
    return ""


def decoded(text: str) -> object:
    """The decoded JSON, or the text if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _reason(said: object, depth: int) -> str:
    if depth == 0 or said is None or isinstance(said, bool | int | float):
        return ""
    if isinstance(said, Mapping):
        return _of_object(said, depth)
    if isinstance(said, list | tuple):
        found = dict.fromkeys(filter(None, (_reason(each, depth - 1) for each in said)))
        return "; ".join(found)
    text = str(said)
    return _of_page(text) if _PAGE.match(text) else text


def _of_object(said: Mapping[str, object], depth: int) -> str:
    found = next(filter(None, (_reason(said.get(place), depth - 1) for place in PLACES)), "")
    if not found:
        return json.dumps(said, ensure_ascii=False, default=str) if said else ""
    where = said.get("loc")
    if isinstance(where, list | tuple) and where:
        # pydantic: location and message.
        found = f"{'.'.join(map(str, where))}: {found}"
    behind = said.get("metadata")
    if isinstance(behind, Mapping) and isinstance(behind.get("raw"), str):
        # A router: the message of the provider behind it.
        raw = _reason(decoded(str(behind["raw"])), depth - 1)
        if raw and raw not in found:
            return f"{found}: {raw}"
    return found


def _of_page(text: str) -> str:
    """The title of an HTML page, or the first words of one without a title."""
    title = _TITLE.search(text)
    words = title[1] if title else _TAG.sub(" ", _UNREAD.sub(" ", text))
    line = " ".join(html.unescape(words).split())
    return f"{line[:_LONGEST_OF_PAGE]}…" if len(line) > _LONGEST_OF_PAGE else line
