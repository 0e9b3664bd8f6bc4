"""The grammar of instructions: random regular expressions, and strings drawn from them."""

from __future__ import annotations

import random
from dataclasses import dataclass

from analysis.clustering.training.settings import DataSettings

INSTRUCTION_SYMBOLS = "abcdefghijklmnopqrstuvwxyz123456789"

METACHARACTERS = "*+?|["


@dataclass(frozen=True)
class Piece:
    """One metacharacter, of `METACHARACTERS`, with its distinct arguments.

    ``|`` separates them at `cut`; ``*`` and ``+`` stand for at most `longest` symbols.
    """

    metacharacter: str
    characters: str
    cut: int
    longest: int

    @property
    def pattern(self) -> str:
        """The regular expression, in Python's notation."""
        text = self.characters
        match self.metacharacter:
            case "*" | "+":
                return f"[{text}]{self.metacharacter}"
            case "?":
                return "".join(f"{each}?" for each in text)
            case "|":
                return f"({text[: self.cut]}|{text[self.cut :]})"
        return f"[{text}]"

    def draw(self, rng: random.Random) -> str:
        """A string that the pattern matches."""
        text = self.characters
        match self.metacharacter:
            case "*":
                return "".join(rng.choices(text, k=rng.randint(0, self.longest)))
            case "+":
                return "".join(rng.choices(text, k=rng.randint(1, self.longest)))
            case "?":
                return "".join(each for each in text if rng.random() < 0.5)
            case "|":
                return rng.choice((text[: self.cut], text[self.cut :]))
        return rng.choice(text)


@dataclass(frozen=True)
class Grammar:
    """A regular expression: a sequence of pieces."""

    pieces: tuple[Piece, ...]

    @property
    def pattern(self) -> str:
        return "".join(piece.pattern for piece in self.pieces)

    def draw(self, rng: random.Random) -> str:
        return "".join(piece.draw(rng) for piece in self.pieces)


def random_grammar(settings: DataSettings, rng: random.Random) -> Grammar:
    """A grammar with random numbers of metacharacters and arguments within the settings."""
    symbols = INSTRUCTION_SYMBOLS[: settings.instruction_symbols]
    pieces = []
    for _ in range(rng.randint(settings.min_metacharacters, settings.max_metacharacters)):
        metacharacter = rng.choice(METACHARACTERS)
        count = rng.randint(settings.min_characters, settings.max_characters)
        characters = "".join(rng.sample(symbols, count))
        cut = rng.randrange(1, count)
        pieces.append(Piece(metacharacter, characters, cut, settings.max_characters))
    return Grammar(tuple(pieces))
