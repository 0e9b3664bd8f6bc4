"""What a library says of a case, and a list of cases each of which is read when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from analysis.models.tokens import Span, Tokens


@dataclass(frozen=True)
class Case:
    """A case as shown in the list of cases; `id` is unique in the library.

    `ratings` say how well each model's response follows the prompt, 1 to 4; None if unrated.
    `guessed`: nobody marked its instructions.
    """

    id: str
    dataset: str
    prompt: str
    response_lengths: tuple[int, ...]
    ratings: tuple[float | None, ...]
    guessed: bool = False

    @property
    def rating(self) -> float | None:
        """The rating of the last model that has one."""
        return next((each for each in reversed(self.ratings) if each is not None), None)


@dataclass(frozen=True, eq=False)
class CaseText:
    """The parts of a case that do not depend on the model.

    `instruction` is bool [N], the published mask; `context` is the part of the prompt that is
    material, `reference` the dataset's answer.
    """

    prompt_tokens: Tokens
    instruction: NDArray[np.bool_]
    instruction_spans: tuple[Span, ...]
    context: str
    reference: str


class Cases(Sequence[Case]):
    """Some of a library's cases, each read when it is asked for.

    Args:
        read: Reads the case with a number; may raise ProblemError.
        numbers: Their numbers in file order, int64 [cases].
    """

    def __init__(self, read: Callable[[int], Case], numbers: NDArray[np.int64]) -> None:
        self._read = read
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> Case: ...
    @overload
    def __getitem__(self, place: slice) -> Cases: ...
    def __getitem__(self, place: int | slice) -> Case | Cases:
        """A case; raises ProblemError, ``storage``, if its files have changed."""
        if isinstance(place, slice):
            return Cases(self._read, self.numbers[place])
        return self._read(int(self.numbers[place]))

    def place_of(self, number: int) -> int | None:
        """Where the case with a number stands among these; None if it does not."""
        found = np.flatnonzero(self.numbers == number)
        return int(found[0]) if len(found) else None
