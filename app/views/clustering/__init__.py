"""The Clusters view: tasks in hidden states, and its keys."""

from __future__ import annotations

from app.frame.action import Action

ACTIONS = (
    Action("clusters.previous_layer", "left_square_bracket", "", "Previous layer", "layer(-1)"),
    Action("clusters.next_layer", "right_square_bracket", "layer", "Next layer", "layer(1)"),
    Action("clusters.label", "c", "label", "By task, by distribution, by mapping: next"),
    Action("clusters.swap", "s", "other", "To the other model's map; of a run, other instances"),
    Action(
        "clusters.plot",
        "p",
        "plot",
        "F1, pair F1, ARI, AMI, nearest neighbours, outputs right: next",
    ),
    Action("clusters.runs", "t", "runs", "Training runs, and back to the models"),
    Action("clusters.open", "enter", "open", "Open the training run"),
    Action("clusters.folder", "f,slash", "file", "Name a file of tasks; of runs, their folder"),
    Action("clusters.previous_epoch", "left,h", "", "Epoch measured before", "epoch(-1)"),
    Action("clusters.next_epoch", "right,l", "epoch", "Epoch measured next", "epoch(1)"),
    Action("clusters.first_epoch", "home", "", "First epoch", "end(0)"),
    Action("clusters.last_epoch", "end", "", "Last epoch", "end(-1)"),
    Action("clusters.next", "n", "next", "Next instance in the same place", "next(1)"),
    Action("clusters.previous", "N", "", "Previous instance in the same place", "next(-1)"),
    Action("clusters.rerun", "r", "again", "Run again what failed or was stopped", "run_again"),
    Action("clusters.export", "e", "export", "CSV files: instances and scores, or the plot"),
    Action("clusters.stop", "escape", "back", "Back; stop the computation; to the first view"),
)
