"""The instructions that ship with the program: natural ones, and the demo pair's own."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from analysis.demo.catalog import held_out_phrasings
from analysis.models.references import DEMO_NAMES
from analysis.neurons.instructions.instruction_set import Instruction, InstructionSet
from analysis.neurons.instructions.reading import instructions_from_file
from analysis.request import ModelChoice

CATEGORIES = (
    "classification",
    "code",
    "general question answering",
    "generation",
    "math",
    "summarisation",
)
"""The six categories of METHODS 6."""

# The closed world's knowledge tasks are general question answering too; translation and word forms
# belong to none of the six.
_OF_DEMO_CATEGORY = {each: each for each in CATEGORIES} | {
    "question answering": "general question answering",
    "knowledge": "general question answering",
}


@cache
def natural_instructions() -> InstructionSet:
    """Instructions as people would give them to a chat model, in all six categories."""
    found: list[Instruction] = []
    for category in CATEGORIES:
        path = Path(__file__).parent / f"{category.replace(' ', '_')}.jsonl"
        found.extend(instructions_from_file(path).instructions)
    return InstructionSet("natural", tuple(found))


@cache
def demo_instructions() -> InstructionSet:
    """The demo pair's held-out phrasings in the six categories."""
    prompts = [each for each in held_out_phrasings() if each.category in _OF_DEMO_CATEGORY]
    prompts.sort(key=lambda each: CATEGORIES.index(_OF_DEMO_CATEGORY[each.category]))
    found = tuple(
        Instruction(each.id, _OF_DEMO_CATEGORY[each.category], each.prompt, response=each.reference)
        for each in prompts
    )
    return InstructionSet("demo", found)


def default_instructions(base: ModelChoice, tuned: ModelChoice) -> InstructionSet:
    """The demo instructions for the demo pair, the natural ones for all others."""
    demo = base.name in DEMO_NAMES and tuned.name in DEMO_NAMES
    return demo_instructions() if demo else natural_instructions()
