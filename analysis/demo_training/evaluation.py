"""How well the demo's models follow, how much they write and how sure they are, by their responses.

A response follows its prompt if it is one of the prompt's references: every one follows from the
prompt alone, so that exact match can measure instruction following.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor
from torch.nn import functional
from transformers import AutoTokenizer, LlamaForCausalLM
from transformers import PreTrainedTokenizerBase as PretrainedTokenizer

from analysis.demo.catalog import DEMO_BASE, DemoPrompt
from analysis.models.adapters import holds_adapter
from analysis.models.checkpoint import has_tokenizer
from analysis.saliency.cases.prompt_sets import DEMO_NEW_TOKENS
from analysis.saliency.cases.rating_files import BEST, by_reference

BATCH = 50
CERTAIN = 0.999
"""A token of at least this probability counts as certain: its gradients all but vanish."""

_LIKE_CORPUS = "held_out_text"
_GROUPS: Mapping[str, Callable[[DemoPrompt], str]] = {
    "by_category": lambda prompt: prompt.category,
    "by_task": lambda prompt: prompt.task,
    "by_form": lambda prompt: prompt.form,
}


@dataclass
class LoadedModel:
    """A float32 model and its tokenizer."""

    model: LlamaForCausalLM
    tokenizer: PretrainedTokenizer

    @classmethod
    def open(cls, folder: Path) -> LoadedModel:
        """Load a model folder, or an adapter's onto the base model beside it, onto the CPU."""
        transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # untyped
        if not holds_adapter(folder):
            model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
            return cls(model.train(False), AutoTokenizer.from_pretrained(folder))
        # Imported here: peft is needed where there is an adapter.
        from peft import PeftModel

        base = cls.open(folder.parent / DEMO_BASE)
        merged: Any = PeftModel.from_pretrained(base.model, folder)
        own = AutoTokenizer.from_pretrained(folder) if has_tokenizer(folder) else base.tokenizer
        return cls(merged.merge_and_unload().train(False), own)

    @property
    def formats(self) -> tuple[str, ...]:
        """How prompts may be given to it: "raw", and "chat" if it has a chat template."""
        return ("raw", "chat") if self.tokenizer.chat_template else ("raw",)

    def encode(self, prompt: str, prompt_format: str) -> list[int]:
        """The tokens of a prompt, raw or in the chat template, including special tokens."""
        if prompt_format == "chat":
            turns = [{"role": "user", "content": prompt}]
            rendered = self.tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True
            )
            prompt = str(rendered)
        ids: list[int] = self.tokenizer(prompt, add_special_tokens=prompt_format == "raw")[
            "input_ids"
        ]
        return ids


@dataclass(frozen=True)
class Response:
    """A greedy response: its text and its tokens, without the one that ends it.

    `prompt_ids` are the tokens it follows; `cut` if it did not end within `DEMO_NEW_TOKENS`.
    """

    prompt_ids: tuple[int, ...]
    ids: tuple[int, ...]
    text: str
    cut: bool


def evaluate(
    loaded: LoadedModel, sets: Mapping[str, Sequence[DemoPrompt]], texts: Sequence[str]
) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """Evaluate one model.

    Args:
        loaded: The model.
        sets: Sets of held-out prompts, by name.
        texts: Unseen documents of the corpus's kind.

    Returns:
        JSON-able figures by what they measure, then by set and prompt format: `exact_match` as
        `score`; `length`, mean and median number of response tokens and the number of responses
        `cut` at `DEMO_NEW_TOKENS`; `perplexity` of the references, and under ``held_out_text`` of
        `texts`; `certain`, the share of tokens of at least probability `CERTAIN` among all of the
        model's own `responses`, and among all of the `references`.

        And the ratings of the raw prompts' responses by set, in the order of its prompts.
    """
    kinds = ("exact_match", "length", "perplexity", "certain")
    found: dict[str, dict[str, Any]] = {kind: {name: {} for name in sets} for kind in kinds}
    found["perplexity"][_LIKE_CORPUS] = text_perplexity(loaded, texts)
    ratings: dict[str, list[float]] = {}
    for name, prompts in sets.items():
        for prompt_format in loaded.formats:
            responses = write(loaded, prompts, prompt_format)
            said = [response.text for response in responses]
            if prompt_format == "raw":
                ratings[name] = rated(prompts, said)
            own = _log_probabilities(loaded, ((each.prompt_ids, each.ids) for each in responses))
            references = _log_probabilities(loaded, _references(loaded, prompts, prompt_format))
            figures = {
                "exact_match": score(prompts, said),
                "length": _lengths(responses),
                "perplexity": _perplexity(references),
                "certain": {"responses": _certain(own), "references": _certain(references)},
            }
            for kind in kinds:
                found[kind][name][prompt_format] = figures[kind]
    return found, ratings


def respond(loaded: LoadedModel, prompts: Sequence[DemoPrompt], prompt_format: str) -> list[str]:
    """The text of the greedy response to each prompt; see `write`."""
    return [each.text for each in write(loaded, prompts, prompt_format)]


def write(loaded: LoadedModel, prompts: Sequence[DemoPrompt], prompt_format: str) -> list[Response]:
    """The greedy response to each prompt, up to `DEMO_NEW_TOKENS` tokens."""
    encoded = [loaded.encode(prompt.prompt, prompt_format) for prompt in prompts]
    # Batching prompts of similar length saves padding.
    order = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))
    responses: dict[int, Response] = {}
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
            inputs, attention_mask=mask, max_new_tokens=DEMO_NEW_TOKENS, do_sample=False
        )
        for index, tokens in zip(chosen, written[:, width:].tolist(), strict=True):
            responses[index] = _response(loaded, encoded[index], tokens)
    return [responses[index] for index in range(len(prompts))]


def _response(loaded: LoadedModel, prompt: Sequence[int], tokens: list[int]) -> Response:
    ends = loaded.model.generation_config.eos_token_id
    ending = set(ends) if isinstance(ends, list) else {ends}
    length = next((place for place, each in enumerate(tokens) if each in ending), None)
    ids = tokens[:length]
    text = str(loaded.tokenizer.decode(ids, skip_special_tokens=True))
    return Response(tuple(prompt), tuple(ids), text, cut=length is None)


def rated(prompts: Sequence[DemoPrompt], responses: Sequence[str]) -> list[float]:
    """The rating of each response by its prompt's references."""
    return [
        by_reference(response, prompt.references)
        for prompt, response in zip(prompts, responses, strict=True)
    ]


def score(prompts: Sequence[DemoPrompt], responses: Sequence[str]) -> dict[str, Any]:
    """How many responses follow: `all`, `by_category`, `by_task` and `by_form`.

    Each has `count`, `exact` (the share of responses that are one of the references) and `begins`
    (the share that begin with one).
    """
    marks = [
        (
            prompt,
            rating == BEST,
            response.strip().startswith(tuple(each.strip() for each in prompt.references)),
        )
        for prompt, response, rating in zip(
            prompts, responses, rated(prompts, responses), strict=True
        )
    ]
    groups: dict[str, dict[str, list[tuple[bool, bool]]]] = {name: {} for name in _GROUPS}
    for prompt, exact, begins in marks:
        for name, group_of in _GROUPS.items():
            groups[name].setdefault(group_of(prompt), []).append((exact, begins))
    return {
        "all": _shares([(exact, begins) for _, exact, begins in marks]),
        **{
            name: {group: _shares(found) for group, found in by_group.items()}
            for name, by_group in groups.items()
        },
    }


def _shares(marks: Sequence[tuple[bool, bool]]) -> dict[str, float]:
    exact, begins = (sum(each[place] for each in marks) / len(marks) for place in (0, 1))
    return {"count": len(marks), "exact": exact, "begins": begins}


def _lengths(responses: Sequence[Response]) -> dict[str, float]:
    tokens = [len(each.ids) for each in responses]
    return {
        "mean": statistics.fmean(tokens),
        "median": statistics.median(tokens),
        "cut": sum(each.cut for each in responses),
    }


def text_perplexity(loaded: LoadedModel, texts: Sequence[str]) -> float:
    """Perplexity per token of whole documents, each starting with `<s>` and ending with `</s>`."""
    end = loaded.tokenizer.convert_tokens_to_ids("</s>")
    rows = (loaded.tokenizer(text)["input_ids"] + [end] for text in texts)
    return _perplexity(_log_probabilities(loaded, ((row[:1], row[1:]) for row in rows)))


def _references(
    loaded: LoadedModel, prompts: Sequence[DemoPrompt], prompt_format: str
) -> Iterable[tuple[list[int], list[int]]]:
    """Each prompt and its most typical reference, without the end token."""
    for prompt in prompts:
        after = loaded.tokenizer(" " + prompt.reference, add_special_tokens=False)["input_ids"]
        yield loaded.encode(prompt.prompt, prompt_format), after


@torch.inference_mode()
def _log_probabilities(
    loaded: LoadedModel, rows: Iterable[tuple[Sequence[int], Sequence[int]]]
) -> Tensor:
    """log p of the second parts' tokens, each after all before it: float32 [tokens], in nats."""
    found = [torch.zeros(0)]
    for before, after in rows:
        if after:
            ids = torch.tensor([[*before, *after]])
            logits: Tensor = loaded.model(ids).logits[0, len(before) - 1 : -1]
            found.append(-functional.cross_entropy(logits, ids[0, len(before) :], reduction="none"))
    return torch.cat(found)


def _perplexity(log_probabilities: Tensor) -> float:
    return math.exp(-float(log_probabilities.double().mean()))


def _certain(log_probabilities: Tensor) -> float | None:
    """The share of certain tokens; None where there is no token."""
    if not len(log_probabilities):
        return None
    return float((log_probabilities >= math.log(CERTAIN)).double().mean())
