"""Loads a model folder with transformers: what it refuses, and why, is said in words."""

from __future__ import annotations

import re
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
import transformers
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from analysis.models import checkpoint
from analysis.models.causality import refuse_looking_ahead
from analysis.models.checkpoint import Checkpoint
from analysis.models.memory import is_out_of_memory
from analysis.models.tokenizing import tokenizer_digest
from analysis.problems import ProblemError, problem
from analysis.requests import ModelChoice
from analysis.results import ModelFacts

if TYPE_CHECKING:
    # Half of the time that transformers takes to start, and the weights alone do without it.
    from transformers import PreTrainedModel

Attention = Literal["auto", "eager"]

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_LAST_RESORT = "Check the folder with another program, or fetch the model again."


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model in memory, ready to be asked.

    Attributes:
        choice: What was asked for.
        model: In evaluation mode, its parameters frozen.
        tokenizer: Its own tokenizer.
        facts: What it is.
        device: Where it is.
    """

    choice: ModelChoice
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    facts: ModelFacts
    device: torch.device


def pick_device(name: str) -> torch.device:
    """The device a choice names; ``auto`` is the first GPU, else MPS, else the CPU.

    Raises:
        ProblemError: ``input`` when there is no such device, with those that are there.
    """
    present = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        present.append("mps")
    if name == "auto":
        return torch.device(next((each for each in present if each != "cpu"), "cpu"))
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in present:
        raise problem(
            "input",
            f"There is no device {name!r}.",
            f"This machine has {', '.join(present)}.",
            "Choose one of them, or auto.",
        )
    return torch.device(wanted)


def load_model(
    choice: ModelChoice, folder: Path, device: torch.device, *, attention: Attention = "auto"
) -> LoadedModel:
    """Load a folder's model and tokenizer onto a device, from the disk alone.

    Args:
        choice: How to load it.
        folder: Where it lies.
        device: Where it goes.
        attention: ``auto`` takes the fused kernels where they give the family's own results
            (not for soft-capped scores), ``eager`` the plain ones that forward mode needs.

    Raises:
        ProblemError: ``model`` when the folder cannot be used; out-of-memory errors pass through.
    """
    started = time.monotonic()
    quiet()
    found = checkpoint.inspect(folder)
    _refuse_pickles(choice, found)
    _refuse_foreign_code(choice, found)
    tokenizer = load_tokenizer(choice, folder)
    config = _configuration(choice, found)
    _refuse_other_models(choice, found, config)
    model = _weights(choice, found, config, device, attention)
    # Not .to(device) as an expression: its type is lost in transformers' wrapper.
    torch.nn.Module.to(model, device)
    model.requires_grad_(False)
    _refuse_looking_ahead(choice, model, _context_window(config))
    facts = ModelFacts(
        name=choice.name,
        family=str(config.model_type),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        layers=int(config.get_text_config().num_hidden_layers),
        vocabulary=int(config.get_text_config().vocab_size),
        context_window=_context_window(config),
        device=str(device),
        dtype=str(model.dtype).removeprefix("torch."),
        has_chat_template=bool(tokenizer.chat_template),
        tokenizer_digest=tokenizer_digest(tokenizer),
        seconds=time.monotonic() - started,
    )
    return LoadedModel(choice, model, tokenizer, facts, device)


def load_tokenizer(choice: ModelChoice, folder: Path) -> PreTrainedTokenizerBase:
    """Load a folder's tokenizer alone.

    Raises:
        ProblemError: ``model`` when it cannot be used.
    """
    quiet()
    found = checkpoint.inspect(folder)
    _refuse_foreign_code(choice, found)
    try:
        return AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=choice.trust_remote_code
        )
    except ImportError as error:
        raise problem(
            "model",
            f"The tokenizer of {choice.name} needs a package that is not installed.",
            _first_line(error),
            "Install that package into insttui's environment.",
        ) from None
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise _foreign_code(choice) from None
        raise problem(
            "model",
            f"The tokenizer of {choice.name} cannot be read.",
            _first_line(error),
            _LAST_RESORT,
        ) from None


def quiet() -> None:
    """Keep progress bars and advice of the libraries away from the engine's streams."""
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
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


def _configuration(choice: ModelChoice, found: Checkpoint) -> PreTrainedConfig:
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(
            found.folder, local_files_only=True, trust_remote_code=choice.trust_remote_code
        )
        return config
    except Exception as error:
        kind = found.config.get("model_type")
        if kind not in transformers.CONFIG_MAPPING:
            raise problem(
                "model",
                f"{choice.name} is of a kind that is not known here ({kind!r}).",
                f"transformers {transformers.__version__} has no model of that type.",
                "A newer transformers may know it.",
            ) from None
        raise problem(
            "model",
            f"The configuration of {choice.name} cannot be used.",
            _first_line(error),
            _LAST_RESORT,
        ) from None


def _refuse_other_models(choice: ModelChoice, found: Checkpoint, config: PreTrainedConfig) -> None:
    """Only a model that continues text can be explained; encoders map to causal classes too."""
    names = [str(name) for name in found.config.get("architectures") or ()]
    foreign = choice.trust_remote_code and "AutoModelForCausalLM" in (
        found.config.get("auto_map") or {}
    )
    causal = set(_flat(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()))
    suits = (
        any(name in causal for name in names)
        if names
        else config.model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    )
    if config.is_encoder_decoder or not (suits or foreign):
        raise problem(
            "model",
            f"{choice.name} is not a causal language model.",
            f"It is a {', '.join(names) or config.model_type}.",
            "Choose a model that continues text, such as a Llama, Qwen, Gemma or GPT model.",
        )


def _flat(names: Any) -> list[str]:
    return [part for name in names for part in ([name] if isinstance(name, str) else name)]


def _weights(
    choice: ModelChoice,
    found: Checkpoint,
    config: PreTrainedConfig,
    device: torch.device,
    attention: Attention,
) -> PreTrainedModel:
    default: torch.dtype | str = torch.float32 if device.type == "cpu" else "auto"
    loaded: Any
    try:
        loaded = AutoModelForCausalLM.from_pretrained(
            found.folder,
            config=config,
            dtype=_DTYPES.get(choice.dtype, default),
            attn_implementation=None if attention == "auto" else attention,
            local_files_only=True,
            trust_remote_code=choice.trust_remote_code,
            use_safetensors=not found.pickled,
            # Shapes that differ are refused below, in words.
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except Exception as error:
        if is_out_of_memory(error):
            raise
        if isinstance(error, SafetensorError):
            raise problem(
                "model",
                f"The weights of {choice.name} are damaged.",
                _first_line(error),
                "Fetch the model again.",
            ) from None
        if "Weights only load failed" in str(error):
            raise problem(
                "model",
                f"The pickled weights of {choice.name} hold more than weights.",
                "Reading them would run code; that is refused even with --allow-pickle.",
                "Find a safetensors version.",
            ) from None
        raise problem(
            "model", f"{choice.name} cannot be loaded.", _first_line(error), _LAST_RESORT
        ) from None
    model: PreTrainedModel
    model, report = loaded
    # transformers fills what is missing with random numbers; nothing could be explained then.
    unusable = {*report["missing_keys"], *(name for name, *_ in report["mismatched_keys"])}
    if unusable:
        raise problem(
            "model",
            f"The weights of {choice.name} do not fit its configuration.",
            f"Missing or of another shape: {len(unusable)}, {min(unusable)} among them.",
            _LAST_RESORT,
        )
    return model


def _refuse_looking_ahead(choice: ModelChoice, model: PreTrainedModel, window: int) -> None:
    """Find out on any text that fits whether the network is causal."""
    vocabulary = len(next(model.get_input_embeddings().parameters()))
    refuse_looking_ahead(model, range(min(window or vocabulary, vocabulary)), name=choice.name)


def _context_window(config: PreTrainedConfig) -> int:
    """The longest sequence in tokens; 0 where the configuration names no limit."""
    text = config.get_text_config()
    for name in ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"):
        if value := getattr(text, name, None):
            return int(value)
    return 0


def _first_line(error: BaseException) -> str:
    """What an exception says, without its advice, colours and line breaks."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    first = (text.splitlines() or [""])[0][:300]
    # A KeyError says no more than the key.
    return first if " " in first else f"{type(error).__name__}: {first}"
