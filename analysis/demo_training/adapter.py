"""Tunes a LoRA adapter on a trained base model, and stores it as peft does.

The base model's weights stay as they are: the adapter is an instruction-tuned model in a few
hundred kilobytes, and checkpoints along its training are cheap enough to ship.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import safetensors.torch
import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from analysis.demo_training.tokenizer import as_pretrained
from analysis.models.adapters import ADAPTER_SETTINGS, SAFETENSORS
from analysis.problems import problem

if TYPE_CHECKING:
    from peft import PeftModel

AfterStep = Callable[[int], None]
"""Called with the number of a step, from 1, when it has been taken."""

Optimise = Callable[[LlamaForCausalLM, AfterStep], None]
"""Trains what requires a gradient in a model, and calls `AfterStep` after every step."""

# All linear layers of attention and of the feed-forward network; embeddings and norms stay.
_LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def require_peft() -> None:
    """Refuse to begin a training that could not end: ProblemError ``input`` without peft."""
    if find_spec("peft") is None:
        raise problem(
            "input",
            "The demo's adapter cannot be trained: peft is not installed.",
            "insttui trains and runs adapters by peft.",
            "Install it into insttui's environment: pip install 'insttui[adapters]'.",
        )


def tune_adapter(
    base: Path,
    output: Path,
    optimise: Optimise,
    *,
    rank: int,
    alpha: float,
    seed: int,
    save_at: Mapping[int, Path],
) -> None:
    """Tune an adapter from zero and write it to `output`, and to other folders on the way.

    Each folder holds ``adapter_config.json``, which names the base model by its way from there
    (``../demo-base``), the factors in float16, and the tokenizer with the chat template, which the
    base model's does not have.

    Args:
        base: A Llama's folder; it is loaded in float32, and its files are left alone.
        output: The folder of the finished adapter; created if missing, its files replaced.
        optimise: Takes the training steps. The model that it gets has trainable factors alone:
            float32 A [rank, in], drawn from `seed`, and B [out, rank], zero.
        rank: r, of every layer's change B A.
        alpha: α; the change is scaled by α / r.
        seed: For the factors A. With the same seed and steps the files are the same.
        save_at: Folders of checkpoints by the step, from 1, after which they are written.

    Raises:
        ProblemError: ``input`` if peft is not installed.
        OSError: If `base` cannot be read or a folder cannot be written.
    """
    require_peft()
    import peft

    model = LlamaForCausalLM.from_pretrained(base, dtype=torch.float32)
    torch.manual_seed(seed)
    config = peft.LoraConfig(
        r=rank,
        # An int for peft, which scales by any number.
        lora_alpha=alpha,  # type: ignore[arg-type]
        target_modules=list(_LINEAR),
        task_type="CAUSAL_LM",
    )
    adapted = peft.PeftModel(model, config)

    def after_step(step: int) -> None:
        if step in save_at:
            _save(adapted, base, save_at[step])

    # peft put the factors into the model itself.
    optimise(model, after_step)
    _save(adapted, base, output)


def _save(adapted: PeftModel, base: Path, folder: Path) -> None:
    """Write an adapter's folder.

    Not by `save_pretrained`: it adds a README, lists the layers in another order every time, and
    keeps float32.
    """
    from peft import get_peft_model_state_dict

    folder.mkdir(parents=True, exist_ok=True)
    settings = adapted.peft_config["default"].to_dict()
    settings["base_model_name_or_path"] = Path(os.path.relpath(base, folder)).as_posix()
    settings["inference_mode"] = True
    text = json.dumps(settings, indent=1, sort_keys=True, default=sorted)
    (folder / ADAPTER_SETTINGS).write_text(text + "\n", encoding="utf-8")
    factors = get_peft_model_state_dict(adapted)
    half = {name: value.detach().half().contiguous() for name, value in factors.items()}
    # safetensors' own `save_file` makes a file that nobody but its owner may read.
    (folder / SAFETENSORS).write_bytes(safetensors.torch.save(half, metadata={"format": "pt"}))
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    as_pretrained(tokenizer, chat=True).save_pretrained(folder)
