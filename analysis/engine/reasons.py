"""What an exception of the libraries says, as a sentence; and which package it asks for."""

from __future__ import annotations

import re

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_MOST = 500
# A line that ends so is a whole sentence; what follows it is advice, or where it was raised.
_ENDS = (".", "!", "?", ")", "'", '"', "`")
_PACKAGES = (
    re.compile(r"pip install (?:-\S+ )*['\"`]?([A-Za-z][\w.-]*)"),
    re.compile(r"No module named '(\w+)"),
    re.compile(r"need to install (\w+)"),
    re.compile(r"not found in your environment: (\w[\w., -]*\w)"),
)


def reason(error: BaseException) -> str:
    """What an exception says, without its advice, colours and line breaks; a sentence."""
    # The text of a KeyError is its key, quoted.
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    said = ""
    for line in _COLOUR.sub("", str(text)).splitlines():
        if said.endswith(_ENDS):
            break
        said = f"{said} {line.strip()}".strip()
    # One word, such as a key, says nothing by itself.
    said = said if " " in said else f"{type(error).__name__}: {said}"
    if len(said) > _MOST:
        return f"{said[:_MOST]}…"
    return said if said.endswith((".", "!", "?")) else f"{said.removesuffix(':')}."


def missing_package(error: BaseException) -> str | None:
    """The package that an exception asks for; None where it asks for none.

    What cannot be made out of its text is called "the package that it names".
    """
    text = str(error)
    for pattern in _PACKAGES:
        if (match := pattern.search(text)) is not None:
            return match[1].rstrip(".")
    return "the package that it names" if re.search(r"\binstall\b", text) else None
