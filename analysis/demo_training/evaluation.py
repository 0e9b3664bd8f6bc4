"""Evaluates the pair's weights: instruction following by exact match, and perplexities."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
import transformers
from torch import Tensor
from torch.nn import functional
from transformers import AutoTokenizer, LlamaForCausalLM
from transformers import PreTrainedTokenizerBase as PretrainedTokenizer

from analysis.demo.catalog import DEMO_BASE, DEMO_MODELS, DEMO_TUNED, INFO_NAME, DemoPrompt, info
from analysis.demo_training.corpus import documents
from analysis.demo_training.held_out import held_out_item_prompts, held_out_phrasing_prompts
from analysis.demo_training.instruction_scores import instruction_scores

HELD_OUT_TEXT_SEED = 9000
HELD_OUT_DOCUMENTS = 400
BATCH = 50
NEW_TOKENS = 80

Formats = Sequence[str]
FORMATS: dict[str, Formats] = {DEMO_BASE: ("raw",), DEMO_TUNED: ("raw", "chat")}
"""The prompt formats of each model: the base model has no chat template."""


@dataclass
class LoadedModel:
    """A float32 model and its tokenizer."""

    model: LlamaForCausalLM
    tokenizer: PretrainedTokenizer

    @classmethod
    def open(cls, folder: Path) -> LoadedModel:
        """Load a model folder onto the CPU."""
        transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # untyped
        model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
        return cls(model.train(False), AutoTokenizer.from_pretrained(folder))

    def encode(self, prompt: str, form: str) -> list[int]:
        """The tokens of a prompt, raw or in the chat template, including special tokens."""
        if form == "chat":
            turns = [{"role": "user", "content": prompt}]
            rendered = self.tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True
            )
            prompt = str(rendered)
        ids: list[int] = self.tokenizer(prompt, add_special_tokens=form == "raw")["input_ids"]
        return ids


def evaluate_pair(
    folder: Path, *, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Evaluate the pair in `folder`; takes a few minutes on two cores.

    Returns:
        A JSON-able mapping: `exact_match` by set of prompts, model, format and then overall, by
        category and by task, each with `count`, `exact` (share of responses equal to the
        reference) and `begins` (share that begin with it); `perplexity` of both models on unseen
        text of the corpus's kind, and on the references of both sets of prompts;
        `instruction_score` by set of prompts, see `analysis.demo_training.instruction_scores`.

    Raises:
        OSError: if a model folder is missing or incomplete.
    """
    sets = {
        "held_out_phrasings": held_out_phrasing_prompts(),
        "held_out_items": held_out_item_prompts(),
    }
    rounds = [(name, form) for name in DEMO_MODELS for form in FORMATS[name]]
    following: dict[str, Any] = {name: {} for name in sets}
    perplexities: dict[str, Any] = {name: {} for name in ("held_out_text", *sets)}
    text = list(documents(HELD_OUT_DOCUMENTS, HELD_OUT_TEXT_SEED))
    for done, (name, form) in enumerate(rounds):
        if progress is not None:
            progress(done, len(rounds))
        loaded = LoadedModel.open(folder / name)
        if form == "raw":
            perplexities["held_out_text"][name] = text_perplexity(loaded, text)
        for set_name, prompts in sets.items():
            responses = respond(loaded, prompts, form)
            following[set_name].setdefault(name, {})[form] = score(prompts, responses)
            perplexities[set_name].setdefault(name, {})[form] = reference_perplexity(
                loaded, prompts, form
            )
    if progress is not None:
        progress(len(rounds), len(rounds))
    scores = {name: instruction_scores(folder, prompts) for name, prompts in sets.items()}
    return {"exact_match": following, "perplexity": perplexities, "instruction_score": scores}


def complete_info(folder: Path, *, progress: Callable[[int, int], None] | None = None) -> None:
    """Evaluate the pair in `folder` and add the figures to the record of its training.

    Raises:
        OSError: if `train_pair` did not write the folder.
    """
    content = {**info(folder), **evaluate_pair(folder, progress=progress)}
    text = msgspec.json.format(msgspec.json.encode(content), indent=1)
    (folder / INFO_NAME).write_bytes(text + b"\n")


def respond(loaded: LoadedModel, prompts: Sequence[DemoPrompt], form: str) -> list[str]:
    """The greedy response to each prompt, up to `NEW_TOKENS` tokens, without special tokens."""
    encoded = [loaded.encode(prompt.prompt, form) for prompt in prompts]
    # Batching prompts of similar length saves padding.
    order = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))
    responses = [""] * len(encoded)
    padding = int(loaded.model.config.pad_token_id or 0)
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        width = max(len(encoded[index]) for index in chosen)
        inputs = torch.full((len(chosen), width), padding)
        mask = torch.zeros_like(inputs)
        for row, index in enumerate(chosen):
            inputs[row, width - len(encoded[index]) :] = torch.tensor(encoded[index])
            mask[row, width - len(encoded[index]) :] = 1
        written = loaded.model.generate(  # type: ignore[misc]  # transformers mistypes its self
            inputs, attention_mask=mask, max_new_tokens=NEW_TOKENS, do_sample=False
        )
        for index, tokens in zip(chosen, written[:, width:], strict=True):
            responses[index] = str(loaded.tokenizer.decode(tokens, skip_special_tokens=True))
    return responses


def score(prompts: Sequence[DemoPrompt], responses: Sequence[str]) -> dict[str, Any]:
    """Shares of exact responses, overall, by category and by task."""
    pairs = list(zip(prompts, responses, strict=True))
    by_category: dict[str, list[tuple[DemoPrompt, str]]] = {}
    by_task: dict[str, list[tuple[DemoPrompt, str]]] = {}
    for prompt, response in pairs:
        by_category.setdefault(prompt.category, []).append((prompt, response))
        by_task.setdefault(prompt.task, []).append((prompt, response))
    return {
        "all": _shares(pairs),
        "by_category": {name: _shares(found) for name, found in by_category.items()},
        "by_task": {name: _shares(found) for name, found in by_task.items()},
    }


def _shares(pairs: Sequence[tuple[DemoPrompt, str]]) -> dict[str, float]:
    exact = sum(response.strip() == prompt.reference for prompt, response in pairs)
    begins = sum(response.strip().startswith(prompt.reference) for prompt, response in pairs)
    count = len(pairs)
    return {
        "count": count,
        "exact": round(exact / count, 4),
        "begins": round(begins / count, 4),
    }


def text_perplexity(loaded: LoadedModel, texts: Sequence[str]) -> float:
    """Perplexity per token of whole documents, each starting with `<s>`."""
    end = loaded.tokenizer.convert_tokens_to_ids("</s>")
    rows = [(loaded.tokenizer(text)["input_ids"] + [end], 1) for text in texts]
    return _perplexity(loaded, rows)


def reference_perplexity(loaded: LoadedModel, prompts: Sequence[DemoPrompt], form: str) -> float:
    """Perplexity per token of the references after their prompts, without the end token."""
    rows = []
    for prompt in prompts:
        before = loaded.encode(prompt.prompt, form)
        after = loaded.tokenizer(" " + prompt.reference, add_special_tokens=False)["input_ids"]
        rows.append(([*before, *after], len(before)))
    return _perplexity(loaded, rows)


@torch.inference_mode()
def _perplexity(loaded: LoadedModel, rows: Sequence[tuple[list[int], int]]) -> float:
    """Perplexity over the tokens of each row from its given position on."""
    total, count = 0.0, 0
    for ids, first in rows:
        logits: Tensor = loaded.model(torch.tensor([ids])).logits[0, first - 1 : -1]
        targets = torch.tensor(ids[first:])
        total += float(functional.cross_entropy(logits, targets, reduction="sum"))
        count += len(targets)
    return round(math.exp(total / count), 3)
