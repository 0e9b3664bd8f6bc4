"""Instructions by category with reference responses (METHODS 6): shipped and user-defined.

- `natural_instructions`: six categories, for models that follow instructions in plain English.
- `demo_instructions`: the same six, in the demo pair's closed world.
- `instructions_from_file`: JSON lines with id, category, instruction, input (optional), response.
"""

from analysis.neurons.instructions.instruction_set import Instruction, InstructionSet
from analysis.neurons.instructions.reading import (
    CATEGORIES,
    default_instructions,
    demo_instructions,
    instructions_from_file,
    natural_instructions,
)

__all__ = [
    "CATEGORIES",
    "Instruction",
    "InstructionSet",
    "default_instructions",
    "demo_instructions",
    "instructions_from_file",
    "natural_instructions",
]
