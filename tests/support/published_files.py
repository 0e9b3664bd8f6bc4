"""A small copy of the published repository: the same formats, with made-up content."""

from __future__ import annotations

import pickle
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

MODELS = ("llama", "vicuna")
CASES = {
    "user_oriented_task_0": (
        "Translate the text.\n\nInput: a cat\n\nOutput:",
        "Translate the text.|||Input: &&&a cat",
        [
            "▁Trans",
            "late",
            "▁the",
            "▁text",
            ".",
            "<0x0A>",
            "<0x0A>",
            "Input",
            ":",
            "▁a",
            "▁cat",
            "<0x0A>",
            "<0x0A>",
            "Output",
            ":",
        ],
        "111110000000000",
    ),
    "lima_author_7": (
        'He said so.  "Why?" Say it.',
        'Say it.|||"Why?',
        ["▁He", "▁said", "▁so", ".", "▁", '▁"', "Why", '?"', "▁Say", "▁it", "."],
        "00000011111",
    ),
    "mtbench_math_1": (
        "Add 2 and 3. Add 4.",
        "Add 2 and 3.",
        ["▁Add", "▁", "2", "▁and", "▁", "3", ".", "▁Add", "▁", "4", "."],
        "11111110000",
    ),
}
"""Prompt, marked instructions, prompt tokens, and which of these belong to an instruction."""

_WORDS = "Model\tSize\tLayer\tType\tHead\tRank\tScore\tTopK"
PAIRS_HEADER = "Model\tSize\tLayer\tType\tHead\tDim\tRank\tScore\tTopK"
DESCRIBED_HEADER = f"Explainable\tTokens\tSummary\t{_WORDS}"


def write_maps(root: Path, *, seed: int = 0, importance: bool = False) -> dict[str, np.ndarray]:
    """Prompts, ratings and the maps of both models; the maps by "MODEL CASE".

    They are scores, or signed importance.
    """
    chance = np.random.default_rng(seed)
    maps: dict[str, np.ndarray] = {}
    (root / "datasets").mkdir(parents=True)
    prompts, ratings = (
        ["ID\tPrompt\tResponse\tInstruct&Context"],
        ["File\tModel\tPrompt\tReference\tInstruct\tResponse\tRating"],
    )
    for number, (name, (prompt, marked, tokens, _)) in enumerate(CASES.items()):
        cell = prompt.replace("\n", "/n")
        if '"' in cell:
            cell = '"' + cell.replace('"', '""') + '"'
        prompts.append("\t".join([name, cell, "a reference", marked.replace('"', '""')]))
        for model in MODELS:
            size = 0 if (number, model) == (2, "llama") else 6
            made = chance.normal(size=(len(tokens), size)).astype(np.float32)
            if not importance:
                made = np.ceil(10 * np.maximum(made / made.max(axis=0, initial=1e-9), 0))
            maps[f"{model} {name}"] = made
            write_map(root, model, name, made)
            rating = "-1" if model == "llama" else str(1 + 3 * (number % 2))
            ratings.append("\t".join([f"{name}.pkl", f"{model}_7B", cell, "", "", "", rating]))
    (root / "datasets" / "FinalDataset.tsv").write_text("\n".join(prompts) + "\n\n")
    (root / "datasets" / "AnnotatedDataset.tsv").write_text("\n".join(ratings) + "\n")
    return maps


def write_map(root: Path, model: str, name: str, values: np.ndarray) -> Path:
    """The pickle of one case; an empty response has an array without rows."""
    path = root / "results" / "attribution_interpret" / f"ifa_{model}_7b" / f"{name}.pkl"
    path.parent.mkdir(parents=True, exist_ok=True)
    response = [f"▁word{n}" for n in range(values.shape[1])]
    case = {
        "ID": name,
        "Input": CASES[name][2],
        "Reference": "a reference",
        "Output": response,
        "Explain": values if response else np.array([]),
    }
    path.write_bytes(pickle.dumps(case, protocol=4))
    return path


def pair_rows(*, layers: int = 4, heads: int = 2, neurons: int = 6, seed: int = 1) -> list[str]:
    """Rows of word pairs of both models, without the header."""
    chance = random.Random(seed)
    verbs = [
        "translate",
        "explain",
        "create",
        "write",
        "run",
        "walk",
        "eat",
        "drink",
        "go",
        "make",
        "Write",
    ]
    nouns = ["tongue", "reason", "thing", "book", "race", "path", "bread", "water", "home"]
    rows = []
    for model in MODELS:
        for layer in range(layers):
            for head in range(heads):
                for rank, dim in enumerate(chance.sample(range(neurons), neurons), start=1):
                    pairs = [
                        "=".join(chance.sample([chance.choice(verbs), chance.choice(nouns)], 2))
                        for _ in range(chance.randrange(12))
                    ]
                    place = [model, "7B", layer, "QK", head, dim, rank, "1.5000"]
                    rows.append("\t".join(map(str, [*place, "|||".join(dict.fromkeys(pairs))])))
    return rows


def write_pairs(root: Path, rows: Sequence[str], *, pieces: int = 1) -> None:
    """The table of word pairs, cut into pieces of equal size."""
    folder = root / "results" / "bilinear_interpret"
    folder.mkdir(parents=True, exist_ok=True)
    data = "".join(f"{row}\n" for row in (PAIRS_HEADER, *rows)).encode()
    if pieces == 1:
        (folder / "bilinear_words.tsv").write_bytes(data)
        return
    size = -(-len(data) // pieces)
    for number in range(pieces):
        name = f"bilinear_words_split.tsva{chr(ord('a') + number)}"
        (folder / name).write_bytes(data[number * size : (number + 1) * size])


def description_rows(
    seed: int, *, layers: int = 8, ranks: int = 6
) -> tuple[list[str], list[str], list[str]]:
    """Rows of the three steps of a repeat, without headers."""
    chance = random.Random(seed)
    first, tasks, concepts = [], [], []
    for model in MODELS:
        for layer in reversed(range(layers)):
            for rank in range(1, ranks + 1):
                told = chance.random() < 0.8
                summary = f"animals and colours {chance.randrange(5)}." if told else "Cannot Tell."
                words = "|||".join(f"word{rank}{n}" for n in range(50))
                row = "\t".join(
                    map(
                        str,
                        [
                            int(told),
                            "Words: some.",
                            summary,
                            model,
                            "7B",
                            layer,
                            "FFN",
                            0,
                            rank,
                            "0.0100",
                            words,
                        ],
                    )
                )
                first.append(row)
                if told:
                    tasks.append(f"{chance.choice(TASKS)}\t{row}")
                    concepts.append(f"{chance.choice(LEVELS)}\t{row}")
    return first, tasks, concepts


TASKS = (
    "daily writing",
    "solving math problems",
    "coding",
    "translation, literary writing",
    "None",
    "coding, solving math problems",
)
LEVELS = ("Semantic", "Morphology", "Syntax", "Phonology.")


def write_descriptions(root: Path, *, repeats: int = 3, **changes: int) -> None:
    """All files of some repeats."""
    for seed in range(repeats):
        first, tasks, concepts = description_rows(seed, **changes)
        write_table(root, f"linear_seed{seed}.tsv", DESCRIBED_HEADER, first)
        write_table(root, f"linear_task_seed{seed}.tsv", f"Task\t{DESCRIBED_HEADER}", tasks)
        name = f"linear_concept_seed{seed}.tsv"
        write_table(root, name, f"Concept\t{DESCRIBED_HEADER}", concepts)


def write_table(root: Path, name: str, header: str, rows: Sequence[str]) -> Path:
    """One of the tables of descriptions."""
    folder = root / "results" / "linear_interpret"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("".join(f"{row}\n" for row in (header, *rows)))
    return path
