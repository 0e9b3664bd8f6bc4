"""The Divergence view: where base and tuned part on one response, and its keys."""

from __future__ import annotations

from app.frame.action import Action

ACTIONS = (
    Action(
        "divergence.open", "enter", "inwards", "What adds to the choice here; then what is listed"
    ),
    Action("divergence.layers", "p", "layers", "Which layers carry the choice: cross-patching"),
    Action("divergence.part", "v", "part", "Stream, attention or feed-forward outputs"),
    Action(
        "divergence.word",
        "right_square_bracket",
        "word",
        "Heads by the next prompt word",
        "word(1)",
    ),
    Action("divergence.word_before", "left_square_bracket", "", "The word before; all", "word(-1)"),
    Action("divergence.rerun", "r", "again", "Run again what failed or was stopped", "run_again"),
    Action("divergence.next", "n", "next", "Next place where first choices differ", "parted(1)"),
    Action("divergence.previous", "N", "", "Place before where they differ", "parted(-1)"),
    Action("divergence.first", "f", "first", "The first place where they part", "first"),
    Action("divergence.response", "o", "response", "The tuned or the base model's response"),
    Action("divergence.colour", "c", "colour", "Coloured by KL, or by what tuning gave the token"),
    Action("divergence.export", "e", "export", "What is shown as CSV in the current folder"),
    Action("divergence.copy", "y", "copy", "Copy the findings and the choices under the cursor"),
    Action("divergence.stop", "escape", "back", "Back; stop the computation; to the first view"),
)
