"""A library with one case as large as grids get, in the format of stored maps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

MODELS = ("bench_base", "bench_tuned")

SENTENCE = "the word choice in this email is fine but could be more formal and less direct"
WORDS = SENTENCE.split()


def write_library(folder: Path, *, prompt_tokens: int = 600, response_tokens: int = 300) -> None:
    """Write `cases.jsonl`, `responses_MODEL.jsonl` and `salience_MODEL.npz`."""
    prompt = [WORDS[i % len(WORDS)] for i in range(prompt_tokens)]
    case = {
        "id": "large",
        "dataset": "bench",
        "prompt": " ".join(prompt),
        "reference": "",
        "instruction_spans": [" ".join(prompt[:15])],
        "context": "",
        "prompt_tokens": ["▁" + word for word in prompt],
        "instruction_mask": "1" * 15 + "0" * (prompt_tokens - 15),
    }
    (folder / "cases.jsonl").write_text(json.dumps(case) + "\n")
    random = np.random.default_rng(0)
    for model in MODELS:
        response = ["▁" + WORDS[(7 * i) % len(WORDS)] for i in range(response_tokens)]
        line = {"id": "large", "response_tokens": response}
        (folder / f"responses_{model}.jsonl").write_text(json.dumps(line) + "\n")
        importance = random.standard_normal((prompt_tokens, response_tokens))
        levels = np.ceil(10 * (np.maximum(importance, 0) / importance.max(axis=0)))
        np.savez_compressed(folder / f"salience_{model}.npz", large=levels.astype(np.uint8))
