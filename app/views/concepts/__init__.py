"""The Concepts view: the components of feed-forward layers, and its keys."""

from __future__ import annotations

from app.frame.action import Action

ACTIONS = (
    Action(
        "concepts.previous_layer", "left,h,left_square_bracket", "", "Previous layer", "layer(-1)"
    ),
    Action(
        "concepts.next_layer", "right,l,right_square_bracket", "layer", "Next layer", "layer(1)"
    ),
    Action("concepts.next_expert", "x", "expert", "Next expert", "expert(1)"),
    Action("concepts.previous_expert", "X", "", "Previous expert", "expert(-1)"),
    Action("concepts.open", "enter", "open", "Go to the component found"),
    Action("concepts.rerun", "r", "again", "Run again what failed or was stopped", "run_again"),
    Action("concepts.plot", "p", "plot", "Next plot; after the last one the list"),
    Action("concepts.table", "t", "table", "The numbers behind the plot, and back"),
    Action("concepts.find", "slash", "find", "Find a word in the components of all layers"),
    Action(
        "concepts.export", "e", "export", "What is shown as a CSV file, components of all layers"
    ),
    Action("concepts.copy", "y", "copy", "Copy the component, or the numbers of the plot"),
    Action("concepts.next", "n", "", "Next component found", "find_next(1)"),
    Action("concepts.previous", "N", "", "Previous component found", "find_next(-1)"),
    Action("concepts.stop", "escape", "back", "Back; stop the computation; to the first view"),
)
