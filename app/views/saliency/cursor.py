"""Where the reader is: a prompt token, and in each response a token or the whole of it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Cursor:
    """One row of both models' maps, and a column in each.

    Attributes:
        row: An aligned row of prompt tokens.
        columns: The response token of the base and of the tuned model.
        walked: Whether the reader has gone to that token; else the whole response is looked at.
        active: The side with the focus: 0 base, 1 tuned.
    """

    row: int = 0
    columns: list[int] = field(default_factory=lambda: [0, 0])
    walked: list[bool] = field(default_factory=lambda: [False, False])
    active: int = 0

    def restart(self) -> None:
        """Look at the whole of another response."""
        self.columns = [0, 0]
        self.rest()

    def rest(self) -> None:
        """Look at the whole responses again."""
        self.walked = [False, False]

    def walk_to(self, side: int, column: int, *, together: bool) -> None:
        """Go to a token of a response; `together` if both models explain the same tokens."""
        for each in (0, 1) if together else (side,):
            self.columns[each] = column
            self.walked[each] = True

    def looked_at(self, side: int) -> int | None:
        """The response token that is looked at; None for the whole response."""
        return self.columns[side] if self.walked[side] else None
