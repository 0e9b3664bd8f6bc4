"""The response as running text, coloured by how far the models are apart, with a cursor."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from textual.binding import Binding, BindingType

from analysis.divergence.result import Divergence
from app.terminal.colours import LEVELS
from app.widgets.token_face import TokenMap
from app.widgets.token_text import TokenText

ColouredBy = Literal["kl", "gain"]

END = "‹end›"


class ResponseText(TokenText):
    """A response without prompt: its places are the rows, left and right go along them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1, 0)", "Token", show=False),
        Binding("right,l", "move(1, 0)", "Token", show=False),
        Binding("up,k", "line(-1)", "Line", show=False),
        Binding("down,j", "line(1)", "Line", show=False),
        Binding("home", "edge(0)", "First token", show=False),
        Binding("end", "edge(-1)", "Last token", show=False),
    ]

    @property
    def _response_height(self) -> int:
        return 0

    @property
    def _prompt_height(self) -> int:
        return self.size.height

    def action_edge(self, place: int) -> None:
        """Go to the first (0) or the last (-1) place."""
        self._go(place % max(1, self.map.shape[0]), 0)

    def action_line(self, by: int) -> None:
        """Go to the token above or below the cursor."""
        lines, here = self._prompt.lines, self._prompt.first_lines.get(self.cursor[0], 0)
        x = next((piece.x for piece in lines[here] if piece.token == self.cursor[0]), 0)
        there = min(max(here + by * self._times(), 0), len(lines) - 1)
        nearest = min(lines[there], key=lambda piece: abs(piece.x - x), default=None)
        if nearest is not None:
            self._go(nearest.token, 0)


def response_map(found: Divergence, by: ColouredBy, *, ascii_only: bool) -> TokenMap:
    """The places of a response, each with the level of its KL, or of its gain with its sign."""
    values = found.kl if by == "kl" else found.gain
    end = "[end]" if ascii_only else END
    texts = [found.token(place) or end for place in range(found.places)]
    return TokenMap(
        row_labels=texts,
        levels=np.zeros((found.places, 0), np.uint8),
        marked=found.parted,
        totals=levels(values),
        negative=np.zeros((found.places, 0), np.bool_) if by == "gain" else None,
        negative_totals=np.asarray(values < 0, dtype=np.bool_) if by == "gain" else None,
    )


def levels(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """uint8 [P], 0..10: the root of the share in the largest, so that small ones show, too."""
    finite = np.nan_to_num(np.abs(values), posinf=0.0)
    largest = float(finite.max(initial=0.0))
    share = np.sqrt(finite / largest) if largest else finite
    return np.asarray(np.rint((LEVELS - 1) * share), dtype=np.uint8)
