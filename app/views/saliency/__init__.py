"""The Saliency view: which prompt tokens each response token depends on, and its keys."""

from __future__ import annotations

from app.frame.action import Action

ACTIONS = (
    Action("saliency.rerun", "r", "again", "Run again what failed or was stopped", "run_again"),
    Action("saliency.whole", "w", "whole", "Words for the whole responses, not one token"),
    Action("saliency.answers", "t", "answers", "Prompt words and answers", "face('answers')"),
    Action("saliency.grid", "g", "grid", "Prompt rows by response columns", "face('grid')"),
    Action("saliency.overview", "v", "map", "The whole map at a glance", "face('overview')"),
    Action("saliency.method", "m", "method", "Gradient, frozen norms, occlusion, or difference"),
    Action("saliency.swap", "s", "swap", "The other model", "swap"),
    Action("saliency.export", "e", "export", "What is shown as a CSV file in the current folder"),
    Action("saliency.export_case", "E", "", "Tokens, the case and agreement with deletion as CSV"),
    Action("saliency.find", "slash", "find", "Find in the tokens of prompt and responses"),
    Action("saliency.response", "o", "response", "Own responses, or one model's in both"),
    Action("saliency.given", "O", "", "Explain both models on a response of yours", "give"),
    Action("saliency.part", "p", "part", "Where the models part on this answer, at this token"),
    Action("saliency.mark", "i", "mark", "The sentence is an instruction, or is not"),
    Action("saliency.next_case", "right_square_bracket", "next case", "Next case", "case(1)"),
    Action("saliency.previous_case", "left_square_bracket", "", "Previous case", "case(-1)"),
    Action("saliency.better", "plus", "", "Rate the active model's response higher", "rate(1)"),
    Action("saliency.worse", "minus", "", "Rate it lower; below 1 it is unrated", "rate(-1)"),
    Action("saliency.digits", "d", "digits", "Scores as numbers in the grid"),
    Action("saliency.copy", "y", "copy", "Copy the responses and the values under the cursor"),
    Action("saliency.colour", "c", "", "Answers coloured by importance or by density", "colour"),
    Action("saliency.special", "x", "", "Show or hide special and template tokens"),
    Action("saliency.next", "n", "", "Next place found", "find_next(1)"),
    Action("saliency.previous", "N", "", "Previous place found", "find_next(-1)"),
    Action(
        "saliency.stop", "escape", "", "Stop the computation; back to where you came from", "stop"
    ),
)
