"""Small models of any family as the analyses of components get them: loaded, with a tokenizer."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from shutil import copy

import torch

from analysis.demo.catalog import WEIGHTS
from analysis.engine.loading import LoadedModel
from analysis.engine.tokenizing import tokenizer_digest
from analysis.events import ModelFacts, Progress
from analysis.request import ModelChoice
from tests.support.checkpoints import byte_level_tokenizer
from tests.support.small_models import CONFIGURATIONS, CONTEXT_WINDOW, small_model

CHOICE = ModelChoice("small", "/nowhere/small")


class OnePool:
    """A pool that holds one small model and never loads another.

    Args:
        family: The model's ``model_type``.

    Attributes:
        loaded: The model.
        evicted: How often others were to make room.
    """

    def __init__(self, family: str) -> None:
        tokenizer = byte_level_tokenizer(bos=True)
        # Whatever the tokenizer has is an id of the model: its vocabulary is small.
        vocabulary = CONFIGURATIONS[family]["vocab_size"]
        model = small_model(family)
        model.resize_token_embeddings(max(vocabulary, len(tokenizer)), mean_resizing=False)
        facts = ModelFacts(
            name=CHOICE.name,
            family=family,
            parameters=sum(each.numel() for each in model.parameters()),
            layers=2,
            vocabulary=max(vocabulary, len(tokenizer)),
            context_window=CONTEXT_WINDOW,
            device="cpu",
            dtype="float32",
            has_chat_template=False,
            tokenizer_digest=tokenizer_digest(tokenizer),
            seconds=0.0,
        )
        self.loaded = LoadedModel(CHOICE, model, tokenizer, facts, torch.device("cpu"))
        self.evicted = 0

    def get(self, choice: ModelChoice) -> Generator[Progress, None, LoadedModel]:
        """The model, whatever is asked for."""
        yield Progress("load", 0, 1, choice.name)
        return self.loaded

    def evict_others(self, choice: ModelChoice) -> bool:
        """Nothing to evict."""
        self.evicted += 1
        return False


def saved_mixture(family: str, folder: Path) -> ModelChoice:
    """A small mixture on disk, with the demo pair's tokenizer."""
    model = small_model(family)
    model.resize_token_embeddings(4096)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        copy(WEIGHTS / "demo-tuned" / name, folder / name)
    return ModelChoice("mixture", str(folder))


def traces(model: torch.nn.Module) -> list[str]:
    """What hooks and replaced methods there are on a model, by module."""
    return [
        name
        for name, module in model.named_modules()
        if module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module)
    ]
