"""The Studies view: tables and figures over many prompts, and its keys."""

from __future__ import annotations

from app.frame.action import Action

ACTIONS = (
    Action("studies.open", "enter", "run/open", "Run the study; open its findings, or a row"),
    Action("studies.stop", "s", "stop", "Stop the study; what it computed is kept"),
    Action("studies.rerun", "r", "again", "Run the study again, or on where it was", "run_again"),
    Action("studies.previous_page", "left,h", "", "Previous page of the study", "page(-1)"),
    Action("studies.next_page", "right,l", "page", "Next page of the study", "page(1)"),
    Action("studies.back", "escape", "back", "Back to the list; to the first view"),
    Action("studies.export", "e", "export", "The table, or the figure's numbers, as a CSV file"),
    Action("studies.prompts", "p", "prompts", "Name the prompts that both models are asked"),
    Action("studies.along", "a", "last step", "The last step alone; all steps again"),
    Action("studies.report", "w", "report", "Write the whole report to a folder"),
    Action("studies.copy", "y", "copy", "Copy the text, the row, or the figure's numbers"),
)
