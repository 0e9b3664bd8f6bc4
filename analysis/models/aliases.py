"""Short names for published pairs of models, each pair of one lineage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec


class Alias(msgspec.Struct, frozen=True):
    """A short name for a published model: a hub id, with ``@revision`` if not the default branch.

    `partner` is the alias of the other model of the pair: same lineage, base against tuned. `note`
    is what a reader should know before loading it: size, licence, whether access is granted on
    request only.
    """

    reference: str
    partner: str
    note: str


class _Published(NamedTuple):
    """A base model and the model tuned from exactly this one: alias and hub id of each."""

    base: tuple[str, str]
    tuned: tuple[str, str]
    size: str
    terms: str
    about: str = ""


_APACHE = "Apache 2.0"
_LLAMA_1 = "LLaMA licence, research only"
_LLAMA = "Llama licence, gated"
_GEMMA = "Gemma terms, gated"
_FALCON = "Falcon licence"


def _usual(
    alias: str, reference: str, size: str, terms: str, *, marks: tuple[str, str] = ("", "-Instruct")
) -> _Published:
    """A pair whose hub ids differ in their last part; the tuned one's is in its alias too."""
    base, tuned = (f"{reference}{mark}" for mark in marks)
    return _Published((alias, base), (f"{alias}{marks[1].lower()}", tuned), size, terms)


_PAIRS = (
    _Published(
        ("llama", "huggyllama/llama-7b"),
        # The default branch has only pickled weights; this revision is the hub's own conversion of
        # the same weights to safetensors.
        ("vicuna", "lmsys/vicuna-7b-v1.1@refs/pr/10"),
        *("7B", _LLAMA_1, "the paper's pair"),
    ),
    _Published(
        ("mistral", "mistralai/Mistral-7B-v0.1"),
        ("mistral-instruct", "mistralai/Mistral-7B-Instruct-v0.1"),
        *("7B", _APACHE, "the paper's second pair"),
    ),
    _Published(
        ("mistral-v0.3", "mistralai/Mistral-7B-v0.3"),
        ("mistral-v0.3-instruct", "mistralai/Mistral-7B-Instruct-v0.3"),
        *("7B", _APACHE),
    ),
    _usual("smollm2-135m", "HuggingFaceTB/SmolLM2-135M", "0.1B", _APACHE),
    _usual("smollm2-360m", "HuggingFaceTB/SmolLM2-360M", "0.4B", _APACHE),
    _usual("smollm2-1.7b", "HuggingFaceTB/SmolLM2-1.7B", "1.7B", _APACHE),
    _Published(
        ("smollm3-3b-base", "HuggingFaceTB/SmolLM3-3B-Base"),
        ("smollm3-3b", "HuggingFaceTB/SmolLM3-3B"),
        *("3B", _APACHE, "the tuned one thinks before answers"),
    ),
    _usual("qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B", "0.5B", _APACHE),
    _usual("qwen2.5-1.5b", "Qwen/Qwen2.5-1.5B", "1.5B", _APACHE),
    _usual("qwen2.5-7b", "Qwen/Qwen2.5-7B", "7B", _APACHE),
    *(
        _Published(
            (f"qwen3-{size.lower()}-base", f"Qwen/Qwen3-{size}-Base"),
            (f"qwen3-{size.lower()}", f"Qwen/Qwen3-{size}"),
            *(size, _APACHE, "the tuned one thinks before answers"),
        )
        for size in ("0.6B", "1.7B", "4B", "8B")
    ),
    _usual("olmo2-1b", "allenai/OLMo-2-0425-1B", "1B", _APACHE),
    _usual("olmo2-7b", "allenai/OLMo-2-1124-7B", "7B", _APACHE),
    _Published(
        ("olmo3-7b", "allenai/Olmo-3-1025-7B"),
        ("olmo3-7b-instruct", "allenai/Olmo-3-7B-Instruct"),
        *("7B", _APACHE),
    ),
    _usual("olmoe", "allenai/OLMoE-1B-7B-0924", "7B, 1B active", _APACHE),
    _usual("llama3.2-1b", "meta-llama/Llama-3.2-1B", "1B", _LLAMA),
    _usual("llama3.2-3b", "meta-llama/Llama-3.2-3B", "3B", _LLAMA),
    _usual("llama3.1-8b", "meta-llama/Llama-3.1-8B", "8B", _LLAMA),
    _usual("gemma2-2b", "google/gemma-2-2b", "2B", _GEMMA, marks=("", "-it")),
    _usual("gemma3-1b", "google/gemma-3-1b", "1B", _GEMMA, marks=("-pt", "-it")),
    _usual("gemma3-4b", "google/gemma-3-4b", "4B", _GEMMA, marks=("-pt", "-it")),
    _usual("falcon3-1b", "tiiuae/Falcon3-1B", "1B", _FALCON, marks=("-Base", "-Instruct")),
    _usual("falcon3-7b", "tiiuae/Falcon3-7B", "7B", _FALCON, marks=("-Base", "-Instruct")),
    _usual(
        "granite3.3-2b", "ibm-granite/granite-3.3-2b", "2B", _APACHE, marks=("-base", "-instruct")
    ),
)


def _aliases() -> Iterator[tuple[str, Alias]]:
    for pair in _PAIRS:
        for mine, other, tuned in ((pair.base, pair.tuned, False), (pair.tuned, pair.base, True)):
            name, reference = mine
            parts = (pair.size, "tuned" if tuned else "", pair.terms, pair.about)
            yield name, Alias(reference, other[0], "; ".join(filter(None, parts)))


ALIASES: dict[str, Alias] = dict(_aliases())
"""Every short name, base models before the ones tuned from them."""
