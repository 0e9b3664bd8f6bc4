"""Tokens with their text and their position in the user's text. Does not import numpy itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Span = tuple[int, int]


class Tokens(msgspec.Struct, frozen=True, tag="tokens"):
    """Token ids with their text and their position in the user's text.

    Attributes:
        ids: Vocabulary ids, as the model saw them.
        texts: The exact text of each token, as the user wrote it; a byte that is only part of a
            character is ``<0xF0>``.
        spans: For each token the characters ``[start, end)`` of the user's text it covers; None for
            tokens that the user did not write (BOS, chat template). Empty if the tokenizer rewrote
            the text without recording how.
    """

    ids: tuple[int, ...]
    texts: tuple[str, ...]
    spans: tuple[Span | None, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def written_by_user(self) -> NDArray[np.bool_]:
        """[N] bool: True for the tokens of the user's own text."""
        # Imported here: the first screen needs this class but must not load numpy.
        import numpy as np

        return np.array([span is not None for span in self.spans], dtype=np.bool_)
