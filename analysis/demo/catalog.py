"""What ships with the demo pair and where it is: models, prompts, word vectors, figures.

Free of torch, and of numpy until vectors are read, so that the app lists the examples at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    pass

DEMO_BASE = "demo-base"
DEMO_TUNED = "demo-tuned"
DEMO_MODELS = (DEMO_BASE, DEMO_TUNED)

_FOLDER = Path(__file__).parent
WEIGHTS = _FOLDER / "weights"
PROMPTS = _FOLDER / "prompts"
VECTORS_NAME = "vectors.npz"
INFO_NAME = "info.json"


class DemoPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt that ships with the pair.

    Attributes:
        id: unique among all shipped prompts.
        task, category: such as "country-capital" and "knowledge".
        prompt: the text as a user would type it, without special tokens.
        instruction_spans: substrings of `prompt` that are instruction, in their order.
        reference: the response that counts as following.
        title: a few words for a list of examples; empty for held-out prompts.
    """

    id: str
    task: str
    category: str
    prompt: str
    instruction_spans: tuple[str, ...]
    reference: str
    title: str = ""

    @property
    def instruction_places(self) -> tuple[tuple[int, int], ...]:
        """`instruction_spans` as character spans ``[start, end)`` of the prompt."""
        places: list[tuple[int, int]] = []
        end = 0
        for part in self.instruction_spans:
            start = self.prompt.index(part, end)
            end = start + len(part)
            places.append((start, end))
        return tuple(places)


@cache
def examples() -> tuple[DemoPrompt, ...]:
    """Hand-picked prompts to begin with, the most convincing first."""
    return _read_prompts("examples")


@cache
def held_out_phrasings() -> tuple[DemoPrompt, ...]:
    """Prompts in words that tuning has not seen, about things that it has."""
    return _read_prompts("held_out_phrasings")


@cache
def held_out_items() -> tuple[DemoPrompt, ...]:
    """Prompts in words of the tuning, about facts of the pre-training text only."""
    return _read_prompts("held_out_items")


def info(folder: Path = WEIGHTS) -> Mapping[str, Any]:
    """What the pair in `folder` is and how well it does, as training and evaluation wrote it."""
    content: Mapping[str, Any] = msgspec.json.decode((folder / INFO_NAME).read_bytes())
    return content


def _read_prompts(name: str) -> tuple[DemoPrompt, ...]:
    lines = (PROMPTS / f"{name}.jsonl").read_bytes().splitlines()
    return tuple(msgspec.json.decode(line, type=DemoPrompt) for line in lines)
