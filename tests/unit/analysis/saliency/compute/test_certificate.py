"""No wrong row of forward mode gets out: a backward pass with random weights finds it."""

import pytest
import torch
from torch import Tensor

from analysis.saliency.compute import tail, tape
from analysis.saliency.compute.importance import Restart, importance_pieces
from analysis.saliency.compute.steps import COMBINED, MULTIPLIED, VIEWED, WRITTEN
from tests.families.models import exact, tiny
from tests.families.texts import LONG_RESPONSE
from tests.support.studies import driven
from tests.unit.analysis.saliency.compute.reference import assert_close, reference

FAMILIES = ("llama", "gemma2", "gpt2", "mixtral", "qwen3_next")


class Dropping:
    """Has one step of every tape that is recorded give zeros in place of its tangents."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.index: int | None = None
        self.steps: list = []
        self._slot = None
        record, carried_out = tape.Tape.__init__, tape.batched

        def recorded(made, *args):
            record(made, *args)
            self.steps = list(made._steps)
            self._slot = None if self.index is None else self.steps[self.index].written[0]

        def dropping(step):
            run = carried_out(step)
            if step.written[0] is not self._slot:
                return run
            return lambda filled: [torch.zeros_like(each) for each in run(filled)]

        monkeypatch.setattr(tape.Tape, "__init__", recorded)
        for module in (tape, tail):
            monkeypatch.setattr(module, "batched", dropping)


def explained(model) -> tuple[Tensor, str, bool]:
    """The map as it comes out, the method, and whether it was begun anew."""
    prompt, response = LONG_RESPONSE
    result = torch.full((len(prompt), len(response)), torch.nan)
    facts, pieces = driven(importance_pieces(model, prompt, response, method="forward"))
    restarted = False
    for piece in pieces:
        if isinstance(piece, Restart):
            result.fill_(torch.nan)
            restarted = True
        else:
            result[piece.rows, piece.columns] = piece.values
    return result, facts.method, restarted


def one_of_each_kind(steps: list) -> dict:
    """The last step of every operation."""
    return {step.operation: index for index, step in enumerate(steps)}


@pytest.mark.slow
def test_a_tangent_lost_in_any_step_never_gives_a_wrong_map(monkeypatch, pytestconfig):
    """Each kind of step in the first family that has it; with ``--all-families`` in every one."""
    everywhere = pytestconfig.getoption("--all-families")
    dropping = Dropping(monkeypatch)
    kinds, tried, caught = set(), 0, 0
    for family in FAMILIES:
        model = tiny(family)
        expected = reference(exact(model), *LONG_RESPONSE)
        dropping.index = None
        values, method, restarted = explained(model)
        assert (method, restarted) == ("forward", False)
        assert_close(values, expected, 1e-3)
        for kind, index in one_of_each_kind(dropping.steps).items():
            if kind in kinds and not everywhere:
                continue
            kinds.add(kind)
            dropping.index = index
            values, method, restarted = explained(model)
            assert_close(values, expected, 1e-3)
            tried, caught = tried + 1, caught + restarted
            assert method == ("reverse" if restarted else "forward")
    # The others lose next to nothing.
    assert caught > tried / 2
    assert {COMBINED, MULTIPLIED, WRITTEN, VIEWED, torch.ops.aten.mm.default} <= kinds
