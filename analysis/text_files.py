r"""Text files of the user's, whatever editor wrote them: the bytes as UTF-8 without a mark.

Notepad and spreadsheets put a byte order mark before UTF-8; ``>`` of Windows' PowerShell writes
UTF-16 with one. The mark is no part of the text. What begins with none is taken as UTF-8.
"""

from __future__ import annotations

import codecs

_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8"),
    # Before UTF-16, whose mark its own begins with.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def utf8(data: bytes) -> bytes:
    """The same text as UTF-8 without a byte order mark.

    Args:
        data: A whole file. What is UTF-8, or is not marked, is not looked into.

    Raises:
        UnicodeDecodeError: It is marked as UTF-16 or UTF-32 and is not that.
    """
    for mark, encoding in _ENCODINGS:
        if data.startswith(mark):
            text = data[len(mark) :]
            return text if encoding == "utf-8" else text.decode(encoding).encode()
    return data


def wide_encoding(start: bytes) -> str:
    """The encoding that the first four bytes of a file mark; empty for none, and for UTF-8.

    For files that are read line by line, where `utf8` would need all of it.
    """
    for mark, encoding in _ENCODINGS[1:]:
        if start.startswith(mark):
            return encoding[:6].upper()
    return ""


def without_mark(line: bytes) -> bytes:
    """The first line of a file in UTF-8, without the mark that may stand before it."""
    return line.removeprefix(codecs.BOM_UTF8)
