"""The Changes view: how much tuning changed every matrix, and in which directions; its keys."""

from __future__ import annotations

from app.frame.action import Action

ACTIONS = (
    Action("changes.open", "enter", "open", "Open the matrix; in it, go to its heads or concepts"),
    Action("changes.rerun", "r", "again", "Run again what failed or was stopped", "run_again"),
    Action("changes.find", "slash", "find", "Find a word in the directions of all matrices"),
    Action("changes.pane", "m", "ranking", "To the matrices ranked by change, and back to the map"),
    Action("changes.kind", "v", "vectors", "Norms and biases, or matrices"),
    Action("changes.next_layer", "right_square_bracket", "layer", "Next layer", "layer(1)"),
    Action("changes.previous_layer", "left_square_bracket", "", "Previous layer", "layer(-1)"),
    Action("changes.next_matrix", "l,right", "matrix", "Next matrix of the layer", "matrix(1)"),
    Action("changes.previous_matrix", "h,left", "", "Previous matrix", "matrix(-1)"),
    Action("changes.export", "e", "export", "Tensors, directions or what was found as CSV"),
    Action("changes.copy", "y", "copy", "Copy the map, or the matrix"),
    Action("changes.next", "n", "", "Next direction found", "find_next(1)"),
    Action("changes.previous", "N", "", "Previous direction found", "find_next(-1)"),
    Action("changes.stop", "escape", "back", "Back; stop the computation; to the first view"),
)
