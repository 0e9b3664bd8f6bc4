"""What can be asked of the doctor: an examination of a pair's files, and a trial of its models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.request import ModelChoice, Request

if TYPE_CHECKING:
    from analysis.doctor.findings import Findings


class ExaminationRequest(Request["Findings"], frozen=True, tag="examination"):
    """Examine a pair without loading its weights; answered by `Findings`.

    Not stored: what it finds depends on free memory and installed packages too.
    """

    analysis = "examination"
    function = "analysis.doctor.compute.examination:examine"
    result = "analysis.doctor.findings:Findings"
    stored = False

    base: ModelChoice
    tuned: ModelChoice


class TrialRequest(Request["Findings"], frozen=True, tag="trial"):
    """Load both models and run each briefly; answered by `Findings`.

    Attributes:
        base: The base model.
        tuned: The tuned model.
        prompt_tokens: N of the map whose time is estimated.
        response_tokens: M of it.
    """

    analysis = "trial"
    function = "analysis.doctor.compute.trial:attempt"
    result = "analysis.doctor.findings:Findings"
    stored = False

    base: ModelChoice
    tuned: ModelChoice
    prompt_tokens: int = 64
    response_tokens: int = 192
