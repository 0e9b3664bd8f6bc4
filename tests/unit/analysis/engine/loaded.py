"""Loads small models, those that are refused too, and changes their configurations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from analysis.engine.loading import LoadedModel, load_model
from analysis.problems import ProblemError
from analysis.request import ModelChoice

CPU = torch.device("cpu")


def load(folder: Path, **options: Any) -> LoadedModel:
    return load_model(ModelChoice(name="small", location=str(folder), **options), folder, CPU)


def problem_of(folder: Path, **options: Any) -> str:
    with pytest.raises(ProblemError) as caught:
        load(folder, **options)
    assert caught.value.problem.kind == "model"
    return str(caught.value)


def reconfigure(folder: Path, **changes: Any) -> None:
    """Change settings of a model's configuration."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    """Change the tensors of a folder, in place or by returning others."""
    tensors = load_file(folder / "model.safetensors")
    changed = change(tensors) or tensors
    contiguous = {name: each.contiguous() for name, each in changed.items()}
    save_file(contiguous, folder / "model.safetensors", metadata={"format": "pt"})
