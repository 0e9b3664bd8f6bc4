"""The commands whose rows are those of the maps and of the lists, at the view's thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.neurons.gather import Place
from analysis.neurons.instructions import InstructionSet, default_instructions
from analysis.neurons.pair import Thresholds
from app.frame.twin import command_line, option, values_of
from app.workspace import PairWorkspace

_TWINS = {
    "maps": "components --summary {sets} {prompts} {models}",
    "list": "components {sets} {prompts} {models}",
}


def commands_of(
    workspace: PairWorkspace, page: str, instructions: str, file: Path | None, at: Thresholds
) -> Sequence[str]:
    """The command of a page; none where no command writes it.

    Args:
        workspace: The pair.
        page: The page's name.
        instructions: The name of the set of instructions.
        file: The user's file with them; None if they are shipped.
        at: What makes the sets.
    """
    # A set that is shipped for other models can be named in the view alone.
    shipped = instructions == default_instructions(*workspace.pair).name
    if page not in _TWINS or not (shipped or file):
        return ()
    values = {**values_of(workspace), "sets": _sets(at), "prompts": option("prompts", file)}
    return [command_line(_TWINS[page], values)]


def active_commands(
    workspace: PairWorkspace, place: Place, instructions: InstructionSet
) -> Sequence[str]:
    """The command of the prompts on which a neuron is active; none for instructions of a file."""
    if instructions.digest != default_instructions(*workspace.pair).digest:
        return ()
    layer, expert, neuron = place
    values = {
        **values_of(workspace),
        "neuron": (*option("layer", layer), *option("neuron", neuron)),
        "expert": option("expert", expert) if expert >= 0 else (),
        "top": option("top", len(instructions)),
    }
    return [command_line("active {neuron} {expert} {top} {models}", values)]


def _sets(at: Thresholds) -> tuple[str, ...]:
    """The thresholds that are not the usual ones of their rule."""
    usual = Thresholds.of({"rule": at.rule})
    told = [] if at.rule == Thresholds().rule else [option("rule", at.rule)]
    for name in ("epsilon", "tau", "expert_epsilon"):
        if getattr(at, name) != getattr(usual, name):
            told.append(option(name.replace("_", "-"), f"{getattr(at, name):g}"))
    return tuple(word for each in told for word in each)
