"""Where the published case library lies, and small case libraries made for a test."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

PUBLISHED = Path(__file__).parents[2].parent / "shared" / "data" / "llama-vicuna-7b"

needs_published_maps = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="the published saliency maps are not on this machine"
)

CASES = [
    {
        "id": "one",
        "dataset": "letters",
        "prompt": "Name a letter.\nInput: x",
        "prompt_tokens": ["▁Name", "▁a", "▁letter", ".", "<0x0A>", "Input", ":", "▁x"],
        "instruction_spans": ["Name a letter."],
        "instruction_mask": "11110000",
    },
    {
        "id": "two",
        "dataset": "signs",
        "prompt": "Draw é🧙!",
        "prompt_tokens": ["▁Draw", "▁é", "<0xF0>", "<0x9F>", "<0xA7>", "<0x99>", "!"],
        "instruction_spans": ["Draw é🧙!"],
    },
]
RESPONSES = {
    "plain": {"one": ["▁y"], "two": []},
    "apt": {"one": ["▁x", ".", "<0x0A>"], "two": ["▁no", "."]},
}


def write_small_library(folder: Path, models: tuple[str, ...] = ("plain", "apt")) -> Path:
    """A library of two cases in two datasets; ``apt`` comes first by name, ``plain`` is rated."""
    folder.mkdir(exist_ok=True)
    write_lines(folder / "cases.jsonl", CASES)
    write_lines(folder / "ratings.jsonl", [{"id": "one", "model": "plain", "rating": 3.0}])
    random = np.random.default_rng(0)
    for model in models:
        responses = RESPONSES[model]
        rows = [{"id": name, "response_tokens": pieces} for name, pieces in responses.items()]
        write_lines(folder / f"responses_{model}.jsonl", rows)
        shapes = {
            case["id"]: (len(case["prompt_tokens"]), len(responses[case["id"]])) for case in CASES
        }
        maps = {
            name: random.integers(0, 11, shape, dtype=np.uint8) for name, shape in shapes.items()
        }
        np.savez_compressed(folder / f"salience_{model}.npz", **maps)
    return folder


def write_lines(path: Path, rows: list[dict]) -> None:
    """One JSON object a line."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
