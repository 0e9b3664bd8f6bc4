"""Loads a model folder with transformers, and explains in words what it refuses."""

from __future__ import annotations

import logging
import re
import time
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
import transformers
from transformers import AutoTokenizer, PreTrainedConfig, PreTrainedTokenizerBase

from analysis.engine.building import LAST_RESORT, build
from analysis.engine.causality import refuse_looking_ahead
from analysis.engine.configuration import (
    package_problem,
    read_configuration,
    refuse_generation_faults,
    refuse_other_models,
)
from analysis.engine.limits import (
    context_window,
    number_of,
    refuse_unknown_ids,
    vocabulary_size,
)
from analysis.engine.quantised_models import parameters_of, precision
from analysis.engine.reasons import reason
from analysis.engine.spreading import (
    Spread,
)
from analysis.engine.token_bytes import token_bytes
from analysis.engine.tokenizing import (
    response_tokens,
    tokenize,
    tokenize_response,
    tokenizer_digest,
)
from analysis.engine.whereabouts import (
    WeightsAtHand,
    away_bytes,
    bring_outside_transforms,
    device_of,
    devices_of,
    parameter_count,
)
from analysis.events import ModelFacts
from analysis.models import checkpoint, scratch
from analysis.models.checkpoint import Checkpoint, is_there
from analysis.models.tokens import Tokens
from analysis.problems import ProblemError, problem
from analysis.request import ModelChoice

if TYPE_CHECKING:
    # Half of transformers' import time, and reading single weights does not need it.
    from transformers import PreTrainedModel

Attention = Literal["auto", "eager"]

# A token in base 64, and its rank.
_TIKTOKEN = re.compile(rb"[A-Za-z0-9+/=]+ \d+\s")


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model in memory, in evaluation mode with frozen parameters, and its tokenizer."""

    choice: ModelChoice
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    facts: ModelFacts
    device: torch.device

    def runs_on(self, device: torch.device) -> bool:
        """Whether a device runs any of it."""
        return device in devices_of(self.model)

    def tokenize(self, prompt: str, *, chat_template: bool = False) -> Tokens:
        """As `tokenizing.tokenize`, refusing tokens outside the vocabulary."""
        return self._known(tokenize(self.tokenizer, prompt, chat_template=chat_template))

    def tokenize_response(self, response: str) -> Tokens:
        """As `tokenizing.tokenize_response`, refusing tokens outside the vocabulary."""
        return self._known(tokenize_response(self.tokenizer, response))

    def response_tokens(self, ids: Sequence[int]) -> tuple[Tokens, str]:
        """As `tokenizing.response_tokens`, refusing ids outside the vocabulary."""
        self.refuse_unknown(ids)
        return response_tokens(self.tokenizer, ids)

    def refuse_unknown(self, ids: Sequence[int | None]) -> None:
        """Refuse ids outside the model's vocabulary: ProblemError ``input``, naming the first."""
        spelled = partial(token_bytes, self.tokenizer)
        refuse_unknown_ids(ids, vocabulary_size(self.model), spelled)

    def _known(self, tokens: Tokens) -> Tokens:
        self.refuse_unknown(tokens.ids)
        return tokens


def pick_device(name: str) -> torch.device:
    """The device a choice names; ``auto`` is the first GPU, else MPS, else the CPU.

    What comes from ``disk`` runs on the CPU.

    Raises ProblemError ``input`` if it does not exist, listing those that do.
    """
    present = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        present.append("mps")
    if name == "disk":
        return torch.device("cpu")
    if name == "auto":
        return torch.device(next((each for each in present if each != "cpu"), "cpu"))
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in present:
        raise problem(
            "input",
            f"There is no device {name!r}.",
            f"This machine has {', '.join(present)}.",
            "Choose one of them, auto, or disk for a model larger than memory.",
        )
    return torch.device(wanted)


def load_model(
    choice: ModelChoice,
    folder: Path,
    device: torch.device,
    *,
    attention: Attention = "auto",
    spread: Spread | None = None,
) -> LoadedModel:
    """Load a model and its tokenizer from a folder onto a device, offline.

    Args:
        choice: How to load it.
        folder: Its folder.
        device: Where it goes, or where its input goes.
        spread: Where its modules go, if not all to the device.
        attention: ``auto`` uses fused kernels where they give the family's own results (not for
            soft-capped scores), ``eager`` the plain ones that forward mode needs.

    Raises:
        ProblemError: ``model`` when the folder cannot be used; out-of-memory errors pass through.
    """
    started = time.monotonic()
    found, config = usable(choice, folder)
    tokenizer = load_tokenizer(choice, folder)
    if spread is None:
        model, notes = build(choice, found, config, device, attention)
        # Not model.to(device): transformers' wrapper loses its type.
        torch.nn.Module.to(model, device)
    else:
        model, notes = _build_spread(choice, found, config, device, attention, spread)
        device = device_of(model)
    model.requires_grad_(False)
    with WeightsAtHand(choice.name) if away_bytes(model) else nullcontext():
        _refuse_looking_ahead(choice, model, context_window(config))
    facts = ModelFacts(
        name=choice.name,
        family=str(config.model_type),
        parameters=parameters_of(model) if spread is None else parameter_count(model),
        layers=number_of(config.get_text_config(), "num_hidden_layers"),
        vocabulary=vocabulary_size(model),
        context_window=context_window(config),
        device=str(device) if spread is None else spread.device,
        dtype=precision(model),
        has_chat_template=bool(tokenizer.chat_template),
        tokenizer_digest=tokenizer_digest(tokenizer),
        seconds=time.monotonic() - started,
        notes=notes,
    )
    return LoadedModel(choice, model, tokenizer, facts, device)


def without_numbers(
    choice: ModelChoice, folder: Path
) -> tuple[Checkpoint, PreTrainedModel, tuple[str, ...]]:
    """A model without its numbers, on the meta device: whether `load_model` would find them all.

    Reads the headers of the weight files alone. Unlike `load_model` it cannot tell whether the
    network reads from left to right.

    Returns:
        The folder, the model, and notes for whoever reads its numbers.

    Raises:
        ProblemError: ``model`` when the folder cannot be used.
    """
    found, config = usable(choice, folder)
    return found, *build(choice, found, config, torch.device("meta"), "auto")


def usable(choice: ModelChoice, folder: Path) -> tuple[Checkpoint, PreTrainedConfig]:
    """A folder and its configuration, once nothing speaks against loading its weights."""
    quiet()
    found = checkpoint.inspect(folder)
    _refuse_pickles(choice, found)
    _refuse_foreign_code(choice, found)
    config = read_configuration(found, choice.name, trust_remote_code=choice.trust_remote_code)
    refuse_other_models(found, choice.name, config, trust_remote_code=choice.trust_remote_code)
    refuse_generation_faults(found, choice.name)
    return found, config


def _build_spread(
    choice: ModelChoice,
    found: Checkpoint,
    config: PreTrainedConfig,
    device: torch.device,
    attention: Attention,
    spread: Spread,
) -> tuple[PreTrainedModel, tuple[str, ...]]:
    """Build a model whose modules go where the plan says, ready for every analysis."""
    folder = scratch.new_folder()
    placing = {"device_map": spread.device_map, "offload_folder": str(folder)}
    try:
        model, notes = build(choice, found, config, device, attention, placing)
    except BaseException:
        scratch.remove(folder)
        raise
    scratch.goes_with(model, folder)
    bring_outside_transforms(model)
    return model, (*notes, spread.note)


def load_tokenizer(
    choice: ModelChoice, folder: Path, own: Path | None = None
) -> PreTrainedTokenizerBase:
    """Load a model's tokenizer alone; ProblemError ``model`` when it cannot be used.

    Args:
        choice: How to load it.
        folder: The model's folder.
        own: The folder of a tokenizer to use instead, such as an adapter's.
    """
    quiet()
    found = checkpoint.inspect(folder)
    _refuse_foreign_code(choice, found)
    config = read_configuration(found, choice.name, trust_remote_code=choice.trust_remote_code)
    folder = own or folder
    try:
        return AutoTokenizer.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            trust_remote_code=choice.trust_remote_code,
        )
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise _foreign_code(choice) from None
        tokenizer = f"The tokenizer of {choice.name}"
        why = reason(error)
        if "tiktoken" in why and is_there(folder / "tokenizer.model"):
            # transformers mistook a file that is not a sentencepiece model for a tiktoken one.
            with (folder / "tokenizer.model").open("rb") as stream:
                if _TIKTOKEN.match(stream.read(1024)) is None:
                    raise problem(
                        "model",
                        f"{tokenizer} cannot be read.",
                        "Its tokenizer.model is neither of sentencepiece's form nor of tiktoken's.",
                        "Fetch the file again.",
                    ) from None
        if isinstance(error, ImportError) or "pip install" in why:
            raise package_problem(tokenizer, error) from None
        raise problem("model", f"{tokenizer} cannot be read.", why, LAST_RESORT) from None


def quiet() -> None:
    """Keep the libraries' progress bars and advice out of the engine's streams."""
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.getLogger("accelerate").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"(transformers|huggingface_hub|torch)\b")


def _refuse_pickles(choice: ModelChoice, found: Checkpoint) -> None:
    if found.pickled and not choice.allow_pickle:
        raise problem(
            "model",
            f"{choice.name} comes as pickled weights only ({found.weights[0].name}).",
            "A pickle can run code on this machine while it is read.",
            "If you trust its authors, load it with --allow-pickle; or find a safetensors version.",
        )


def _refuse_foreign_code(choice: ModelChoice, found: Checkpoint) -> None:
    known = found.config.get("model_type") in transformers.CONFIG_MAPPING
    if found.config.get("auto_map") and not known and not choice.trust_remote_code:
        raise _foreign_code(choice)


def _foreign_code(choice: ModelChoice) -> ProblemError:
    return problem(
        "model",
        f"{choice.name} needs Python code that comes with the model.",
        "It would run on this machine with your rights.",
        "If you trust its authors, load it with --trust-remote-code.",
    )


def _refuse_looking_ahead(choice: ModelChoice, model: PreTrainedModel, window: int) -> None:
    vocabulary = vocabulary_size(model)
    refuse_looking_ahead(model, range(min(window or vocabulary, vocabulary)), name=choice.name)
