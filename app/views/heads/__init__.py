"""The Heads view: the word pairs that attention heads relate, and its keys."""

from __future__ import annotations

from app.frame.action import Action

ACTIONS = (
    Action("heads.open", "enter", "open", "Open the head; in it, its neuron pairs"),
    Action("heads.active", "a", "active on", "Instructions with the pair's words, by attention"),
    Action("heads.rerun", "r", "again", "Run again what failed or was stopped", "run_again"),
    Action("heads.find", "slash", "word", "Find the heads that relate a word"),
    Action("heads.pane", "m", "map", "To the map, to the words, and back to the ranking"),
    Action("heads.verbs", "w", "verbs", "Instruction verbs against general verbs, by layers"),
    Action("heads.swap", "s", "swap", "The neuron pairs of the other model"),
    Action("heads.export", "e", "export", "Pairs and changes, or what is shown, as CSV files"),
    Action("heads.copy", "y", "copy", "Copy the pairs under the cursor"),
    Action("heads.next", "n", "", "Next head found", "find_next(1)"),
    Action("heads.previous", "N", "", "Previous head found", "find_next(-1)"),
    Action("heads.stop", "escape", "back", "Back; stop the computation; to the first view"),
)
