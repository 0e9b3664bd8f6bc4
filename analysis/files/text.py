r"""Converts the user's text files to UTF-8 without a byte order mark, whatever editor wrote them.

Notepad and spreadsheets put a byte order mark before UTF-8; ``>`` in Windows' PowerShell writes
UTF-16 with one. The mark is not part of the text. Data without a mark is taken as UTF-8.
"""

from __future__ import annotations

import codecs
from pathlib import Path

from analysis.problems import problem

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


def whole_text(data: bytes, what: str, origin: str) -> tuple[str, str]:
    """A prompt or a response to the letter; Windows' line ends become newlines if it has no others.

    Args:
        data: A whole file.
        what: What it is, such as ``prompt``.
        origin: Where it is from, such as its file.

    Returns:
        The text, and a remark for the user, empty if there is nothing to say.

    Raises:
        ProblemError: ``input``, if it is not UTF-8 text, nor marked as another encoding.
    """
    try:
        text = utf8(data).decode()
    except UnicodeDecodeError as error:
        raise problem(
            "input",
            f"The {what} in {origin} is not UTF-8 text.",
            f"Byte {error.start} is 0x{error.object[error.start]:02x}.",
            "Convert it first, for example with iconv.",
        ) from None
    if "\0" in text:
        raise problem(
            "input",
            f"The {what} in {origin} is not text.",
            "It has zero bytes, as UTF-16 has that is not marked.",
            "Save it as UTF-8.",
        )
    ends = text.count("\r\n")
    if ends and ends == text.count("\n") == text.count("\r"):
        remark = f"The {what} in {origin} has the line ends of Windows: they count as newlines."
        return text.replace("\r\n", "\n"), remark
    return text, ""


def text_file(path: Path, what: str) -> tuple[str, str]:
    """`whole_text` of a file; raises ProblemError as well if it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        why = f"{error.strerror}."
        raise problem("input", f"The {what} file {path} cannot be read.", why) from None
    return whole_text(data, what, str(path))


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
