"""The Prompt view: the prompt for both models, and its keys."""

from __future__ import annotations

from app.frame.action import Action

ACTIONS = (
    Action("prompt.run", "ctrl+r", "run", "Run both models on the prompt"),
    Action("prompt.entry", "slash", "edit", "Go to the prompt entry", "focus_entry"),
    Action("prompt.leave", "escape", "leave", "Stop loading, or leave the entry", "leave"),
    Action("prompt.template", "t", "template", "Chat template of the tuned model on or off"),
    Action("prompt.clear", "c", "", "Start with an empty prompt", "clear_entry"),
)
