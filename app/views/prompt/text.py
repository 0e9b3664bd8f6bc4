"""The Prompt view's texts: its help, and what enter does."""

from __future__ import annotations

from app.state import Prompt
from app.terminal.text import prose
from app.widgets.lines import Line
from app.workspace import Example

HELP = (
    "Type or paste a prompt: whatever is typed here is text, until escape makes plain letters "
    "keys. Or choose an example or an earlier prompt: up and down in the empty entry, or tab "
    "to the lists; enter runs it, space puts it into the entry to edit. Function keys lead to "
    "the other views.\n\n"
    "Both models continue the same raw text, as in the paper; the chat template, "
    "where the tuned model has one, wraps the text for that model only.\n\n"
    "Sentences marked ▌ count as instruction, the others as context. The first guess follows "
    "layout and first words; space on a sentence corrects it. The marks decide the instruction "
    "score, not the maps.\n\n"
    "Results are kept on disk: the same prompt is answered at once next time.\n\n"
    "Formulas\n\n"
    "Each answers greedily, token by token, up to 300 tokens, the tuned model first. Then the "
    "importance of every prompt token x_n for every response token y_m is computed, first "
    "summed over the response, then in full:\n\n"
    "    I[n, m] = E[x_n] · ∂ log p(y_m | x, y_<m) / ∂E[x_n]"
)


def what_enter_does(chosen: Example | Prompt | None, text: str, fits: str, too_long: str) -> Line:
    """What enter does now, or why nothing, in one harmless line.

    Args:
        chosen: What is shown in full, to be run.
        text: What stands in the entry.
        fits: How many tokens of how many it has, or when they are counted.
        too_long: How many, where they are too many.
    """
    if chosen is not None:
        what = "this example" if isinstance(chosen, Example) else "this prompt again"
        own: Line = [] if text else [(" · or type or paste your own", "dim")]
        return [("enter", "accent"), (f" runs both models on {what}", ""), *own]
    if not text.strip():
        return [("Type or paste a prompt.", "dim")]
    if too_long:
        return [(f"Too long: {prose(too_long)}. Shorten it.", "bad")]
    return [
        ("enter", "accent"),
        (" runs both models on this prompt", ""),
        (f" · {prose(fits)}", "dim"),
    ]


def refusal(too_long: str) -> str:
    """Why a prompt with too many tokens is not run, and what to do; `too_long` says how many."""
    return (
        f"The prompt is too long for the model: {prose(too_long)}, which has to hold the response "
        "as well. Shorten the prompt, or choose a model with a longer context window."
    )
