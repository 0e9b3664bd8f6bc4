"""The bar that takes a response of the user's: typed, or the text of a file."""

from __future__ import annotations

from pathlib import Path

from analysis.files.text import utf8
from analysis.problems import problem
from analysis.saliency.gather import Written
from app.widgets.file_bar import FileBar


class ResponseBar(FileBar["Written | str"]):
    """What is typed is the response; @NAME is a file whose text is taken to the letter."""

    def _content(self, text: str, *, again: bool) -> Written | str:
        return self._read(Path(text[1:]).expanduser(), skip=False) if text[0] == "@" else text

    def _read(self, path: Path, *, skip: bool) -> Written:
        try:
            return Written(utf8(path.read_bytes()).decode())
        except OSError as error:
            why = f"{error.strerror}."
        except UnicodeDecodeError as error:
            why = f"It is not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}."
        raise problem("input", f"The response file {path} cannot be read.", why)
