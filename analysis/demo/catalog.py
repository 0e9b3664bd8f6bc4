"""What ships with the demo pair and where it is: models, prompts, word vectors, figures.

Does not import torch, and numpy only when vectors are read, so the app can list examples at once.
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
    """A prompt that ships with the pair, as a user would type it; `id` is unique among them all.

    `instruction_spans` are its substrings that are instructions, in order; `reference` is the
    response that counts as following it; `title` is for the list of examples, empty for held-out
    prompts.
    """

    id: str
    task: str
    category: str
    prompt: str
    instruction_spans: tuple[str, ...]
    reference: str
    title: str = ""

    form: str = ""

    @property
    def references(self) -> tuple[str, ...]:
        """All responses that count as following it, the most typical first."""
        return (self.reference,)

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
    """Hand-picked example prompts, the most convincing first."""
    return _read_prompts("examples")


@cache
def held_out_phrasings() -> tuple[DemoPrompt, ...]:
    """Prompts with phrasings unseen in tuning, about items that tuning has seen."""
    return _read_prompts("held_out_phrasings")


@cache
def held_out_items() -> tuple[DemoPrompt, ...]:
    """Prompts with phrasings used in tuning, about facts that only the pre-training text states."""
    return _read_prompts("held_out_items")


def info(folder: Path = WEIGHTS) -> Mapping[str, Any]:
    """What the pair in `folder` is and how well it does, as recorded by training and evaluation."""
    content: Mapping[str, Any] = msgspec.json.decode((folder / INFO_NAME).read_bytes())
    return content


def _read_prompts(name: str) -> tuple[DemoPrompt, ...]:
    lines = (PROMPTS / f"{name}.jsonl").read_bytes().splitlines()
    return tuple(msgspec.json.decode(line, type=DemoPrompt) for line in lines)
