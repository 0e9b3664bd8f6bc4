"""What ships with the demo pair and where it is: models, prompts, word vectors, figures.

Does not import torch, and numpy only when vectors are read, so the app can list examples at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

DEMO_BASE = "demo-base"
DEMO_TUNED = "demo-tuned"
DEMO_MODELS = (DEMO_BASE, DEMO_TUNED)
"""The whole models."""
DEMO_LORA = "demo-lora"
"""A LoRA adapter on `DEMO_BASE`."""
DEMO_STEPS = "demo-steps"
"""Its checkpoints along the training, each in a folder ``checkpoint-N`` of step N."""

CAVEAT = (
    "two models of a few million parameters, trained on text about a closed world: what they show "
    "or do not show says nothing about large models."
)
"""What to say of them wherever they are studied."""

_FOLDER = Path(__file__).parent
WEIGHTS = _FOLDER / "weights"
PROMPTS = _FOLDER / "prompts"
VECTORS_NAME = "vectors.npz"
INFO_NAME = "info.json"

_CHECKPOINT = re.compile(rf"{DEMO_STEPS}/checkpoint-(?P<step>[0-9]+)")


class DemoPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt that ships with the pair, as a user would type it; `id` is unique among them all.

    `form` is that of the answer it asks for; `instruction_spans` are its substrings that are
    instructions, in order; `references` are the responses that count as following it; `title` is
    for the list of examples, empty for held-out prompts.
    """

    id: str
    task: str
    category: str
    form: str
    prompt: str
    instruction_spans: tuple[str, ...]
    references: tuple[str, ...]
    title: str = ""

    @property
    def reference(self) -> str:
        """The first of `references`."""
        return self.references[0]

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


def demo_names() -> tuple[str, ...]:
    """The names of the models that are there: base, tuned, adapter, checkpoints by their step."""
    found = [f"{DEMO_STEPS}/{each.name}" for each in (WEIGHTS / DEMO_STEPS).glob("checkpoint-*")]
    steps = sorted((name for name in found if is_demo(name)), key=lambda name: step_of(name) or 0)
    return tuple(name for name in (*DEMO_MODELS, DEMO_LORA, *steps) if (WEIGHTS / name).is_dir())


def is_demo(*names: str) -> bool:
    """Whether all are names of the demo's models, which know its world, words and prompts.

    No other model can take such a name, whether or not there is a model of that name.
    """
    return all(name in (*DEMO_MODELS, DEMO_LORA) or step_of(name) is not None for name in names)


def step_of(name: str) -> int | None:
    """The step of training after which a checkpoint was written; None for any other name."""
    found = _CHECKPOINT.fullmatch(name)
    return None if found is None else int(found["step"])


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
