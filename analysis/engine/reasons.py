"""The message of a library's exception as a sentence, and the package it asks for."""

from __future__ import annotations

import re

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_MOST = 500
# A line that ends like this is a whole sentence; the rest is advice, or where it was raised.
_ENDS = (".", "!", "?", ")", "'", '"', "`")
_PACKAGES = (
    re.compile(r"pip install (?:-\S+ )*['\"`]?([A-Za-z][\w.-]*)"),
    re.compile(r"No module named '(\w+)"),
    re.compile(r"need to install (\w+)"),
    re.compile(r"not found in your environment: (\w[\w., -]*\w)"),
)


def reason(error: BaseException) -> str:
    """An exception's message as one sentence, without its advice, colours and line breaks."""
    # The text of a KeyError is its key, quoted.
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    said = ""
    for line in _COLOUR.sub("", str(text)).splitlines():
        if said.endswith(_ENDS):
            break
        said = f"{said} {line.strip()}".strip()
    # A single word, such as a key, means nothing by itself.
    said = said if " " in said else f"{type(error).__name__}: {said}"
    if len(said) > _MOST:
        return f"{said[:_MOST]}…"
    return said if said.endswith((".", "!", "?")) else f"{said.removesuffix(':')}."


def missing_package(error: BaseException) -> str | None:
    """The package that an exception asks for, None for none.

    Called "the package that it names" if the text asks for one but does not reveal which.
    """
    text = str(error)
    for pattern in _PACKAGES:
        if (match := pattern.search(text)) is not None:
            return match[1].rstrip(".")
    return "the package that it names" if re.search(r"\binstall\b", text) else None
