r"""Converts the user's text files to UTF-8 without a byte order mark, whatever editor wrote them.

Notepad and spreadsheets put a byte order mark before UTF-8; ``>`` in Windows' PowerShell writes
UTF-16 with one. The mark is not part of the text. Data without a mark is taken as UTF-8.
"""

from __future__ import annotations

import codecs

_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8"),
    # Before UTF-16, whose mark is a prefix of this one.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def utf8(data: bytes) -> bytes:
    """The same text as UTF-8 without a byte order mark.

    Args:
        data: A whole file. UTF-8 and unmarked data is not validated.

    Raises:
        UnicodeDecodeError: It is marked as UTF-16 or UTF-32 but is not valid.
    """
    for mark, encoding in _ENCODINGS:
        if data.startswith(mark):
            text = data[len(mark) :]
            return text if encoding == "utf-8" else text.decode(encoding).encode()
    return data


def wide_encoding(start: bytes) -> str:
    """The encoding marked by the first four bytes of a file; empty for none and for UTF-8.

    For files read line by line; `utf8` needs the whole file.
    """
    for mark, encoding in _ENCODINGS[1:]:
        if start.startswith(mark):
            return encoding[:6].upper()
    return ""


def without_mark(line: bytes) -> bytes:
    """The first line of a UTF-8 file, without its byte order mark if it has one."""
    return line.removeprefix(codecs.BOM_UTF8)
