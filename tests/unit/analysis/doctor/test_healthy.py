"""Nothing is said against a pair that is well, and a trial runs both of its models."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import transformers

from analysis.doctor.compute.examination import examine
from analysis.doctor.compute.needs import KERNELS
from analysis.doctor.compute.trial import _rounded, attempt
from analysis.doctor.request import ExaminationRequest, TrialRequest
from analysis.engine.pool import ModelPool
from tests.support.ill_pairs import HEALTHY
from tests.support.studies import answered


@pytest.mark.parametrize("kind", HEALTHY)
def test_a_healthy_pair_has_no_fault(kind, tmp_path):
    pair, pool = HEALTHY[kind](tmp_path).pair(), ModelPool()
    findings = answered(examine(ExaminationRequest(*pair), pool))
    assert findings.at("warning", "cannot") == ()
    assert pool.facts() == (), "the examination has loaded a model"
    trial = answered(attempt(TrialRequest(*pair, prompt_tokens=8, response_tokens=4), pool))
    assert trial.at("warning", "cannot") == ()
    assert [each.id for each in trial.findings] == ["trial", "trial", "time"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.02, "less than 0.1 s"),
        (0.26, "0.3 s"),
        (2.4, "2 s"),
        (47.0, "50 s"),
        (89.0, "90 s"),
        (130.0, "2 min"),
        (5000.0, "80 min"),
        (40_000.0, "10 h"),
    ],
)
def test_an_estimate_has_one_digit(seconds, words):
    assert _rounded(seconds) == words


_ASKED = re.compile(r'use_kernel_func_from_hub_with_fallback\(\s*"\w+",\s*"([\w.]+)"')


def test_every_family_is_listed_with_the_modules_it_imports():
    models = Path(transformers.__file__).parent / "models"
    found: dict[str, set[str]] = {}
    for file in models.glob("*/modeling_*.py"):
        for module in _ASKED.findall(file.read_text()):
            found.setdefault(file.parent.name, set()).add(module)
    assert {family: set(packages) for family, packages in KERNELS.items()} == found
