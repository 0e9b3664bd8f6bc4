"""A set of instructions: its categories, its prompts and what its digest depends on."""

from __future__ import annotations

import msgspec
import pytest

from analysis.neurons.instructions import Instruction, InstructionSet

ADD = Instruction("1", "math", "Add.", "2 and 3", "5")
RHYME = Instruction("2", "generation", "Rhyme on moon.", response="June")
TAKE = Instruction("3", "math", "Take 2 from 3.", response="1")


def test_the_input_stands_in_a_paragraph_of_its_own():
    assert ADD.prompt == "Add.\n\n2 and 3"
    assert RHYME.prompt == "Rhyme on moon."


def test_categories_come_in_the_order_in_which_they_are_met():
    found = InstructionSet("mine", (ADD, RHYME, TAKE))
    assert found.categories == ("math", "generation")
    assert found.of("math") == (ADD, TAKE)
    assert found.of("code") == ()
    assert len(found) == 3


@pytest.mark.parametrize("field", Instruction.__struct_fields__)
def test_the_digest_changes_with_every_field(field):
    changed = msgspec.structs.replace(ADD, **{field: "other"})
    assert InstructionSet("", (changed,)).digest != InstructionSet("", (ADD,)).digest


def test_the_digest_depends_on_the_order_and_on_nothing_but_the_instructions():
    found = InstructionSet("mine", (ADD, RHYME))
    assert found.digest == InstructionSet("yours", (ADD, RHYME), ("A note.",)).digest
    assert found.digest != InstructionSet("mine", (RHYME, ADD)).digest


def test_text_cannot_slip_from_one_field_into_the_next():
    one, other = (Instruction("1", "a", *texts) for texts in (("b", "c"), ("", "bc")))
    assert InstructionSet("", (one,)).digest != InstructionSet("", (other,)).digest
