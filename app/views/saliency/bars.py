"""The bars below the maps: words to find in them, and a response of the user's to explain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.files.text import text_file
from analysis.saliency.gather import Written
from app.views.saliency.comparison import Comparison, Place
from app.widgets.file_bar import FileBar
from app.widgets.search_bar import SearchBar


class TokenSearch(SearchBar):
    """Finds words in the tokens of prompt and responses, and goes from match to match.

    Attributes:
        places: The matches of what was typed.
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__("find in prompt and responses; n and N go on", id=id)
        self.places: Sequence[Place] = ()
        self._at = -1

    def look(self, comparison: Comparison, words: str) -> None:
        """Find words; none forget what was found."""
        self.places, self._at = comparison.find(words), -1

    def forget(self) -> None:
        """The maps have other tokens now."""
        self.places, self._at = (), -1

    def step(self, by: int) -> Place | None:
        """The next (1) or previous (-1) match, wrapping around; None if there are none."""
        if not self.places:
            return None
        self._at = (self._at + by) % len(self.places)
        return self.places[self._at]

    def words(self) -> str:
        """The current match's number and the total."""
        return f"{self._at + 1} of {len(self.places)} places"


class ResponseBar(FileBar["Written | str"]):
    """What is typed is the response; @NAME is a file whose text is taken to the letter."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__("a response for both models, or @FILE", id=id)

    def _content(self, text: str, *, again: bool) -> Written | str:
        return self._read(Path(text[1:]).expanduser(), skip=False) if text[0] == "@" else text

    def _read(self, path: Path, *, skip: bool) -> Written:
        text, _ = text_file(path, "response")
        return Written(text)
