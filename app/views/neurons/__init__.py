"""The Neurons view: neurons and experts that instructions need, and its keys."""

from __future__ import annotations

from app.frame.action import Action

ACTIONS = (
    Action("components.open", "enter", "open", "Neurons of a cell; what one writes; its component"),
    Action(
        "components.active", "a", "active on", "Instructions on which the neuron is most active"
    ),
    Action("components.rerun", "r", "again", "Run again what failed or was stopped", "run_again"),
    Action("components.map", "v", "map", "Changes, overlaps, or counts by layer: next"),
    Action("components.find", "slash", "find", "Neurons that write a word; a neuron; a category"),
    Action("components.raise_threshold", "right_square_bracket", "ε", "Raise ε", "threshold(1)"),
    Action("components.lower_threshold", "left_square_bracket", "", "Lower ε", "threshold(-1)"),
    Action("components.raise_tau", "right_curly_bracket", "τ", "Raise τ", "tau(1)"),
    Action("components.lower_tau", "left_curly_bracket", "", "Lower τ", "tau(-1)"),
    Action("components.measure", "m", "measure", "Overlaps by Jaccard index or by containment"),
    Action("components.swap", "s", "swap", "The other model"),
    Action("components.unit", "u", "unit", "Experts, or neurons"),
    Action("components.kind", "f", "filter", "All, kept, lost, gained, general, unique: next"),
    Action("components.export", "e", "export", "CSV files: sets, neurons, words, or what is shown"),
    Action("components.prompts", "p", "prompts", "Name the instructions that both models read"),
    Action("components.copy", "y", "copy", "Copy what is shown"),
    Action("components.stop", "escape", "back", "Back; stop the computation; to the first view"),
)
