"""The Cases view: the list of a case library, and its keys."""

from __future__ import annotations

from app.frame.action import Action

ACTIONS = (
    Action("cases.open", "enter", "open", "Open the case's maps", "open_case"),
    Action("cases.dataset", "f", "dataset", "Filter by dataset: next"),
    Action("cases.rating", "r", "rating", "Filter by rating: next"),
    Action("cases.export", "e", "export", "The listed cases as a CSV file in the current folder"),
    Action("cases.better", "plus", "", "Rate the tuned model's response higher", "rate(1)"),
    Action("cases.worse", "minus", "", "Rate it lower; below 1 it is unrated", "rate(-1)"),
    Action("cases.clear", "escape", "", "Show all datasets and ratings again", "clear_filters"),
)
