"""The sentences of the prompt, and which of them are marked as instructions."""

from __future__ import annotations

from textual import on

from analysis.models.tokens import Span
from analysis.saliency.cases.instructions import sentences
from app.marking import is_marked, marks_by_sentence, spans_after_edit, toggled
from app.terminal.text import prose
from app.widgets.item_list import ItemList
from app.widgets.lines import Line

_LONGEST = 400
"""Characters of a sentence that are drawn at most."""


class Sentences(ItemList):
    """A line a sentence; enter and space mark it, or take its mark away.

    Attributes:
        text: The text whose sentences these are.
        spans: What is marked of it.
    """

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(self._line, empty="Sentences of the prompt appear here.", id=id)
        self.border_title = "Sentences · ▌ instruction · space marks"
        self._ascii = ascii_only
        self.text = ""
        self.spans: tuple[Span, ...] = ()
        # What the user, or whoever wrote the prompt, decided on; it outlasts edits elsewhere.
        self._decided: dict[str, bool] = {}
        self._sentences: list[Span] = []

    def forget(self) -> None:
        """Guess all marks of the next text."""
        self._decided = {}

    def take(self, text: str, spans: tuple[Span, ...]) -> None:
        """Show another text with these marks; with guessed ones if there are none."""
        self._cut(text)
        if spans:
            self.mark(spans)
        else:
            self.forget()
            self.spans = spans_after_edit(text, {})
        self._show()

    def mark(self, spans: tuple[Span, ...]) -> None:
        """Mark these spans of the text and no others."""
        self.spans = spans
        self._decided = marks_by_sentence(self.text, spans)
        self.refresh()

    def follow(self, text: str) -> None:
        """Show a text that was edited: sentences that stayed keep their marks."""
        if text != self.text or not self._sentences:
            self._cut(text)
            self.spans = spans_after_edit(text, self._decided)
        self._show()

    def _cut(self, text: str) -> None:
        self.text, self._sentences = text, sentences(text)

    def _show(self) -> None:
        self.show(len(self._sentences))

    def _line(self, index: int, width: int) -> Line:
        span = self._sentences[index]
        beginning = self.text[span[0] : min(span[1], span[0] + _LONGEST)]
        text = prose(" ".join(beginning.split()), ascii_only=self._ascii)
        if is_marked(span, self.spans):
            return [("# " if self._ascii else "▌ ", "accent"), (text, "")]
        return [("  ", ""), (text, "dim")]

    @on(ItemList.Toggled)
    @on(ItemList.Chosen)
    def _toggled(self, message: ItemList.ItemMessage) -> None:
        message.stop()
        if message.index < len(self._sentences):
            self.mark(toggled(self._sentences[message.index], self.spans))
