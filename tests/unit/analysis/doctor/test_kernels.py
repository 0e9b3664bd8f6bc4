"""The table of kernels says what transformers' own code of each family looks for."""

from __future__ import annotations

import re
from pathlib import Path

import transformers

from analysis.doctor.compute.needs import KERNELS

_ASKED = re.compile(r'use_kernel_func_from_hub_with_fallback\(\s*"\w+",\s*"([\w.]+)"')


def test_every_family_is_listed_with_the_modules_it_imports():
    models = Path(transformers.__file__).parent / "models"
    found: dict[str, set[str]] = {}
    for file in models.glob("*/modeling_*.py"):
        for module in _ASKED.findall(file.read_text()):
            found.setdefault(file.parent.name, set()).add(module)
    assert {family: set(packages) for family, packages in KERNELS.items()} == found
