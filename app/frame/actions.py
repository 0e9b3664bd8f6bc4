"""The one registry of actions: keys, key line, help panel and palette are all made from it."""

from __future__ import annotations

from dataclasses import dataclass

from textual.actions import parse
from textual.binding import Binding, BindingType


@dataclass(frozen=True)
class Action:
    """Something the user can do.

    Attributes:
        id: ``scope.name``; also the name in the user's [keys] table.
        keys: Default keys, comma separated, in Textual's names.
        label: One or two words for the key line; empty to leave it out.
        description: One line for the help panel and the palette.
        command: The Textual action on the widget of the scope; the id's name if empty.
        priority: Works even while a widget with its own keys, such as an entry, has focus.
    """

    id: str
    keys: str
    label: str
    description: str
    command: str = ""
    priority: bool = False

    @property
    def scope(self) -> str:
        """The app or the view it belongs to."""
        return self.id.partition(".")[0]

    @property
    def action(self) -> str:
        """The Textual action to run."""
        return self.command or self.id.partition(".")[2]


_ALL = (
    Action("app.view_1", "1", "", "Show the first view", "show_view(0)"),
    Action("app.view_2", "2", "", "Show the second view", "show_view(1)"),
    Action("app.view_3", "3", "", "Show the third view", "show_view(2)"),
    Action("app.view_4", "4", "", "Show the fourth view", "show_view(3)"),
    Action("app.view_5", "5", "", "Show the fifth view", "show_view(4)"),
    Action("app.view_6", "6", "", "Show the sixth view", "show_view(5)"),
    Action("app.view_7", "7", "", "Show the seventh view", "show_view(6)"),
    Action(
        "app.help", "question_mark,f1", "help", "What this view shows, how to read it, its keys"
    ),
    Action("app.palette", "colon,ctrl+p", "palette", "All actions by name", "command_palette"),
    Action("app.theme", "", "", "Choose a theme", "change_theme"),
    Action("app.screenshot", "", "", "Save the screen as an SVG picture", "save_screen"),
    Action("app.quit", "q", "quit", "Quit", "quit"),
    Action("app.stop", "ctrl+c", "quit", "Quit, from anywhere", "quit", priority=True),
    Action("prompt.run", "ctrl+r", "run", "Run both models on the prompt"),
    Action("prompt.entry", "slash", "edit", "Go to the prompt entry", "focus_entry"),
    Action("prompt.leave", "escape", "leave", "Stop loading, or leave the entry", "leave"),
    Action("prompt.template", "t", "template", "Chat template of the tuned model on or off"),
    Action("prompt.clear", "c", "", "Start with an empty prompt", "clear_entry"),
    Action("saliency.rerun", "r", "again", "Run again what failed or was stopped", "run_again"),
    Action("saliency.grid", "g", "grid", "Prompt rows by response columns", "face('grid')"),
    Action("saliency.text", "t", "text", "The prompt, coloured by importance", "face('text')"),
    Action("saliency.overview", "v", "whole", "The whole map at a glance", "face('overview')"),
    Action("saliency.method", "m", "method", "Gradient, occlusion, or where they differ"),
    Action("saliency.swap", "s", "swap", "The other model", "swap"),
    Action("saliency.export", "e", "export", "What is shown as a CSV file in the current folder"),
    Action("saliency.find", "slash", "find", "Find in the tokens of prompt and responses"),
    Action("saliency.mark", "i", "mark", "The sentence is an instruction, or is not"),
    Action("saliency.next_case", "right_square_bracket", "next case", "Next case", "case(1)"),
    Action("saliency.previous_case", "left_square_bracket", "", "Previous case", "case(-1)"),
    Action("saliency.digits", "d", "digits", "Scores as numbers in the grid"),
    Action("saliency.copy", "y", "copy", "Copy the responses and the values under the cursor"),
    Action(
        "saliency.colour", "c", "", "Text coloured by the response token or by density", "colour"
    ),
    Action("saliency.special", "x", "", "Show or hide special and template tokens"),
    Action("saliency.next", "n", "", "Next place found", "find_next(1)"),
    Action("saliency.previous", "N", "", "Previous place found", "find_next(-1)"),
    Action(
        "saliency.stop", "escape", "", "Stop the computation; back to where you came from", "stop"
    ),
    Action("heads.open", "enter", "open", "Open the head; in it, its neuron pairs"),
    Action("heads.rerun", "r", "again", "Run again what failed or was stopped", "run_again"),
    Action("heads.find", "slash", "find", "Find a word in all heads"),
    Action("heads.verbs", "w", "verbs", "Instruction verbs against general verbs, by layers"),
    Action("heads.swap", "s", "swap", "The neuron pairs of the other model"),
    Action("heads.export", "e", "export", "All pairs as a CSV file in the current folder"),
    Action("heads.copy", "y", "copy", "Copy the pairs under the cursor"),
    Action("heads.next", "n", "", "Next head found", "find_next(1)"),
    Action("heads.previous", "N", "", "Previous head found", "find_next(-1)"),
    Action("heads.stop", "escape", "back", "Back; stop the computation; to the first view"),
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
    Action("studies.open", "enter", "run/open", "Run the study; open its findings, or a row"),
    Action("studies.stop", "s", "stop", "Stop the study; what it computed is kept"),
    Action("studies.rerun", "r", "again", "Run the study again, or on where it was", "run_again"),
    Action("studies.previous_page", "left,h", "", "Previous page of the study", "page(-1)"),
    Action("studies.next_page", "right,l", "page", "Next page of the study", "page(1)"),
    Action("studies.columns", "greater_than_sign", "cols", "Columns to the right", "columns(1)"),
    Action("studies.columns_back", "less_than_sign", "", "Columns back", "columns(-1)"),
    Action("studies.find", "slash", "find", "Find rows with these words"),
    Action("studies.export", "e", "export", "The table, or the figure's numbers, as a CSV file"),
    Action("studies.prompts", "p", "prompts", "Name the prompts that both models are asked"),
    Action("studies.back", "escape", "back", "Back to the list; to the first view"),
    Action("studies.report", "w", "report", "Write the whole report to a folder"),
    Action("studies.copy", "y", "copy", "Copy the text, the row, or the figure's numbers"),
    Action("studies.next", "n", "", "Next row found", "find_next(1)"),
    Action("studies.previous", "N", "", "Previous row found", "find_next(-1)"),
    Action("components.open", "enter", "open", "Neurons of a cell; what one writes; its component"),
    Action("components.rerun", "r", "again", "Run again what failed or was stopped", "run_again"),
    Action("components.map", "v", "map", "Overlaps, counts by layer, or changes"),
    Action("components.find", "slash", "find", "Neurons that write a word; a neuron; a category"),
    Action("components.raise_threshold", "right_square_bracket", "ε", "Raise ε", "threshold(1)"),
    Action("components.lower_threshold", "left_square_bracket", "", "Lower ε", "threshold(-1)"),
    Action("components.raise_tau", "right_curly_bracket", "τ", "Raise τ", "tau(1)"),
    Action("components.lower_tau", "left_curly_bracket", "", "Lower τ", "tau(-1)"),
    Action("components.measure", "m", "measure", "Overlaps by Jaccard index or by containment"),
    Action("components.swap", "s", "swap", "The other model"),
    Action("components.unit", "u", "unit", "Experts, or neurons"),
    Action("components.kind", "f", "filter", "All, kept, lost, gained, general, unique: next"),
    Action("components.export", "e", "export", "A CSV file: overlaps and changes, or all neurons"),
    Action("components.prompts", "p", "prompts", "Name the instructions that both models read"),
    Action("components.copy", "y", "copy", "Copy what is shown"),
    Action("components.stop", "escape", "back", "Back; stop the computation; to the first view"),
    Action("clusters.previous_layer", "left_square_bracket", "", "Previous layer", "layer(-1)"),
    Action("clusters.next_layer", "right_square_bracket", "layer", "Next layer", "layer(1)"),
    Action("clusters.label", "c", "label", "By task, by distribution, by mapping: next"),
    Action("clusters.swap", "s", "swap", "The other model; of a run, the other instances"),
    Action("clusters.plot", "p", "plot", "F1, ARI, AMI, nearest neighbours, outputs right: next"),
    Action("clusters.runs", "t", "runs", "Training runs, and back to the models"),
    Action("clusters.open", "enter", "open", "Open the training run"),
    Action("clusters.folder", "slash", "file", "Name a file of tasks; of runs, their folder"),
    Action("clusters.previous_epoch", "left,h", "", "Epoch measured before", "epoch(-1)"),
    Action("clusters.next_epoch", "right,l", "epoch", "Epoch measured next", "epoch(1)"),
    Action("clusters.first_epoch", "home", "", "First epoch", "end(0)"),
    Action("clusters.last_epoch", "end", "", "Last epoch", "end(-1)"),
    Action("clusters.next", "n", "next", "Next instance in the same place", "next(1)"),
    Action("clusters.previous", "N", "", "Previous instance in the same place", "next(-1)"),
    Action("clusters.rerun", "r", "again", "Run again what failed or was stopped", "run_again"),
    Action("clusters.export", "e", "export", "A CSV file: instances, or the plot's numbers"),
    Action("clusters.stop", "escape", "back", "Back; stop the computation; to the first view"),
    Action("cases.open", "enter", "open", "Open the case's maps", "open_case"),
    Action("cases.find", "slash", "find", "Show only prompts with these words"),
    Action("cases.dataset", "f", "dataset", "Filter by dataset: next"),
    Action("cases.rating", "r", "rating", "Filter by rating: next"),
    Action("cases.sort", "o", "order", "Sort by the next column"),
    Action("cases.reverse", "O", "", "Turn the order round"),
    Action("cases.export", "e", "export", "The listed cases as a CSV file in the current folder"),
    Action("cases.clear", "escape", "", "Show all cases again", "clear_filters"),
)

ACTIONS: dict[str, Action] = {action.id: action for action in _ALL}
"""Every action by its id, in the order of the help panels."""


def actions_of(scope: str) -> list[Action]:
    """The actions of the app or of one view."""
    return [action for action in _ALL if action.scope == scope]


_BY_CALL = {(action.scope, *parse(action.action)[1:]): action for action in _ALL}


def action_of(scope: str, name: str, parameters: tuple[object, ...]) -> Action | None:
    """The action that this Textual call performs; None if it is not one of ours."""
    return _BY_CALL.get((scope, name, parameters))


def bindings(scope: str) -> list[BindingType]:
    """Textual bindings of a scope; a keymap can rebind them by id."""
    return [
        Binding(
            action.keys,
            action.action,
            action.description,
            show=False,
            priority=action.priority,
            id=action.id,
        )
        for action in actions_of(scope)
        if action.keys
    ]


_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "right_curly_bracket": "}",
    "left_curly_bracket": "{",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "escape": "esc",
}


def key_names(action: Action, keymap: dict[str, str], *, first_only: bool = False) -> str:
    """The keys of an action as users know them, with the user's own keys taking precedence."""
    keys = (keymap.get(action.id) or action.keys).split(",")
    names = [_NAMES.get(key.strip(), key.strip().replace("ctrl+", "ctrl-")) for key in keys]
    return names[0] if first_only else " ".join(name for name in names if name)
