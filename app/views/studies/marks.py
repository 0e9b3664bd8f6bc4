"""The two models in a study's tables and figures: marked as everywhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analysis.table import Cell, Table
from app.terminal.model_marks import marked, marked_column
from app.widgets.table_rows import Column, cell_text


class ModelNames:
    """Knows the models' names among other texts.

    Args:
        names: Of the base and of the tuned models; of one model alone there is nothing to tell.
        prose: Makes text harmless.
        ascii_only: Whether marks are letters.
    """

    def __init__(
        self, names: Sequence[str], prose: Callable[[str], str], *, ascii_only: bool
    ) -> None:
        self._sides: dict[str, int] = {}
        base, *tuned = names
        # A name of both says nothing.
        for side, role, named in ((0, "base", [base]), (1, "tuned", tuned)):
            for name in named if tuned and base not in tuned else ():
                for each in (name, role, f"{name} ({role})"):
                    self._sides[each] = side
        self._prose, self._ascii = prose, ascii_only

    def mark(self, text: str) -> str:
        """A text, made harmless; a model's name behind its mark."""
        side = self._sides.get(text)
        shown = self._prose(text)
        return shown if side is None else marked(side, shown, ascii_only=self._ascii)

    def columns(self, table: Table) -> tuple[Column, ...]:
        """The columns of a table, with marks before names of models and what is of one model."""
        return tuple(
            Column(marked_column(name, ascii_only=self._ascii), self._cell)
            for name in table.columns
        )

    def _cell(self, cell: Cell) -> str:
        return self.mark(cell) if isinstance(cell, str) else cell_text(cell)
