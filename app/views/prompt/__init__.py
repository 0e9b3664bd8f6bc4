"""The Prompt view: the prompt for both models, and its keys."""

from __future__ import annotations

from app.frame.action import Action

ACTIONS = (
    Action("prompt.run", "enter,ctrl+r", "run", "Run both models on the prompt"),
    Action("prompt.newline", "ctrl+n,shift+enter", "new line", "Begin a new line"),
    Action("prompt.undo", "ctrl+underscore", "", "Undo the last change of the prompt"),
    Action("prompt.leave", "escape", "plain keys", "Make plain letters keys; then stop loading"),
    Action("prompt.entry", "slash", "write", "Go to the prompt entry", "focus_entry"),
    Action("prompt.template", "ctrl+t,t", "template", "Chat template of the tuned model on or off"),
    Action("prompt.clear", "ctrl+l,c", "empty", "Start with an empty prompt", "clear_entry"),
)
