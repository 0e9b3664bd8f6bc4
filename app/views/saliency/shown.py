"""What the Saliency view shows: a prompt, both maps aligned, and where the reader is in them."""

from __future__ import annotations

from dataclasses import dataclass, field

from analysis.models.tokens import Span
from app.frame.export import Tables
from app.links import MapsLink
from app.marking import toggled
from app.state import Prompt
from app.views.saliency.comparison import Comparison, Mask
from app.views.saliency.cursor import Cursor
from app.views.saliency.exports import Rating, answer_tables, case_tables, shown_tables
from app.views.saliency.findings import Findings, findings
from app.views.saliency.pair import Pair
from app.views.saliency.words import Words


@dataclass
class Shown:
    """The state of the view but for the requests; holds no widgets.

    Attributes:
        pair: The requests and their answers.
        prompt: What both models were asked.
        case: The stored case; None for a prompt that is asked.
        special: Whether tokens that the user did not write are shown and counted.
        comparison: The maps, aligned.
        words: The words of the prompt.
        cursor: Where the reader is.
    """

    pair: Pair = field(default_factory=Pair)
    prompt: Prompt = field(default_factory=lambda: Prompt(""))
    case: MapsLink | None = None
    special: bool = False
    comparison: Comparison = field(default_factory=lambda: Comparison("", (None,) * 2, (None,) * 2))
    words: Words = field(init=False)
    cursor: Cursor = field(default_factory=Cursor)
    _findings: Findings | None = None

    def __post_init__(self) -> None:
        self.words = Words(self.comparison)

    def begin(self, prompt: Prompt, pair: Pair, case: MapsLink | None = None) -> None:
        """Go on to another prompt, from its beginning."""
        self.prompt, self.pair, self.case = prompt, pair, case
        self.cursor.row = 0
        self.cursor.restart()

    def compare(self) -> None:
        """Align the maps again; the cursor stays on its token."""
        token = self.comparison.token_at(self.cursor.row)
        self.comparison = self.pair.compared(
            self.prompt, self._stored_mask, include_special=self.special
        )
        self.words = Words(self.comparison)
        self._findings = None
        self.cursor.row = self.comparison.row_kept(token, self.cursor.row)

    @property
    def _stored_mask(self) -> Mask | None:
        return None if self.case is None else self.case.text.instruction

    def findings(self) -> Findings:
        """What the answers come to; as every key asks, the same until they are compared again."""
        if self._findings is None:
            told = self.pair, self.comparison, self.prompt, self._stored_mask
            self._findings = findings(*told, include_special=self.special)
        return self._findings

    def mark(self, sentence: Span) -> None:
        """Mark a sentence as an instruction, or not as one."""
        self.comparison.toggle(sentence)
        self._findings = None
        if self.case is None:
            spans = toggled(sentence, self.prompt.instruction_spans)
            self.prompt = Prompt(self.prompt.text, spans, self.prompt.chat_template)

    def tables(self, *, answers: bool) -> tuple[Tables, list[str]]:
        """What is shown, by its kind, and the models; with `answers`, the words and findings too.

        No tables if there are no maps yet.
        """
        found, models = shown_tables(self.pair, self.comparison.there, include_special=self.special)
        if found and answers:
            found |= answer_tables(self.pair, self.words.table(self.cursor), self.findings())
        return found, models

    def case_tables(self, rating: Rating) -> Tables:
        """What is known beside the maps, by its kind."""
        told = self.pair, self.comparison, self.prompt, rating
        return case_tables(*told, include_special=self.special)

    @property
    def about(self) -> str:
        """What names an export: the case, or the prompt's first words."""
        return self.case.case_id if self.case else " ".join(self.prompt.text.split()[:5])
