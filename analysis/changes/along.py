"""The changes of every matrix along a training run, for ``insttui changes``: rows by step."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from analysis.changes.result import LayerChanges
from analysis.changes.study import ChangesInput, findings, gathered
from analysis.changes.tables import as_json
from analysis.session.drive import Asker, Asking
from analysis.studies.findings import Findings
from analysis.studies.series import SeriesInput, Step, at_step, combined, opened


@dataclass(frozen=True)
class Along:
    """What was found.

    Attributes:
        steps: Every step with its layers.
        findings: The tables by step, and curves.
    """

    steps: tuple[tuple[Step, list[LayerChanges]], ...]
    findings: Findings

    def as_json(self) -> bytes:
        """Everything that is known of every step's change, as indented JSON."""
        records = [
            {"step": step.label, "layers": json.loads(as_json(layers))}
            for step, layers in self.steps
        ]
        return (json.dumps(records, ensure_ascii=False, indent=2) + "\n").encode()


def along(steps: Sequence[Step], layers: Callable[[int], Sequence[int]]) -> Asking[Along]:
    """Compare the base model with the model of every step, all of which are opened first.

    Args:
        steps: At least one, each with a `ChangesInput`.
        layers: Which of so many layers to compare, `OUTSIDE` among them; may raise ProblemError.

    Raises:
        ProblemError: A model of any step cannot be used, or is built differently.
    """
    pairs = [each.given.pair for each in steps]
    yield from opened(pairs, steps[0].given, by_layer=True)
    built = yield from Asker(steps[0].given.session).architecture(*pairs[0])
    chosen = tuple(layers(built.layers))
    found, said = [], []
    for number, each in enumerate(steps):
        assert isinstance(each.given, ChangesInput)
        given = replace(each.given, layers=chosen)
        layers_found = yield from at_step(gathered(given), each.label, number, len(steps))
        found.append((each, layers_found))
        said.append(findings(given, layers_found))
    return Along(tuple(found), combined(SeriesInput(tuple(steps)), said))
