"""The Saliency view's texts: its help panel, what `y` copies and what `e` writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.saliency_map import SaliencyMap
from app.export import chained, free_path, save_csv

HELP = (
    "How much every prompt token mattered for every response token, base model on the left, tuned "
    "model on the right. Prompt tokens are rows, shared by both models; each model has its own "
    "response in columns. The importance of prompt token x_n for response token y_m is\n\n"
    "    I[n, m] = E[x_n] · ∂ log p(y_m | x, y_<m) / ∂E[x_n]\n\n"
    "and what is coloured is its share of the column's largest, in ten levels:\n\n"
    "    S[n, m] = ceil(10 · max(I[n, m], 0) / max over n' of I[n', m])\n\n"
    "Read a column to see what a response token rests on; read a row to see which response tokens "
    "a prompt token served. A row that is lit all along is a token the model kept in view.\n\n"
    "density   a[n] = ‖S[n]‖₁ / ‖S[n]‖₄ with scores up to 7 set to 0, divided by the largest of "
    "the case: 1.00 is the prompt token used most widely.\n"
    "instruction score   the sum of a[n] over the instruction tokens, divided by "
    "log2(2 + their number). ▌ marks instruction tokens; i corrects a sentence.\n\n"
    "Faces: the grid shows every pair; the text shows the prompt coloured for the response token "
    "under the cursor, or by density; the overview shows the whole map at once. Special and "
    "template tokens are hidden and not counted unless x shows them.\n\n"
    "Columns appear as they are computed; ╌ stands for one that is not there yet."
)


def save_maps(maps: Sequence[SaliencyMap], about: str, folder: Path) -> Path:
    """Write maps, one below the other, to a new CSV file in a folder; the file.

    Raises:
        OSError: It cannot be written.
    """
    stem = "-".join(["saliency", *(shown.model for shown in maps), about])
    path = free_path(folder, stem, ".csv")
    save_csv(chained([shown.table() for shown in maps]), path)
    return path


def copied_text(prompt: str, maps: Sequence[SaliencyMap], values: str) -> str:
    """Prompt, responses and the values under the cursor, as plain text."""
    parts = [f"prompt\n{prompt}"]
    parts.extend(f"{shown.model}\n{''.join(shown.response_tokens.texts)}" for shown in maps)
    return "\n\n".join([*parts, values]) + "\n"
