"""What is said of the layers that lack heads or a feed-forward network, from disk to words."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.concepts.gather import places, places_of
from analysis.engine.facts import describe
from analysis.engine.pool import ModelPool
from analysis.heads.compute.analyses import head_pairs
from analysis.heads.request import HeadPairsRequest
from analysis.models.request import Architecture, ArchitectureRequest, Gap, passed_over
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from analysis.words.choice import Words, WordVectors
from tests.families.models import tiny
from tests.support.checkpoints import byte_level_tokenizer
from tests.support.studies import driven


def hybrid(folder: Path, name: str) -> ModelChoice:
    """A tiny model on disk."""
    # With a row for every token of its tokenizer.
    tiny(name, vocab_size=400).save_pretrained(folder)
    byte_level_tokenizer().save_pretrained(folder)
    return ModelChoice(name, str(folder), device="cpu")


def architecture(choice: ModelChoice) -> Architecture:
    return driven(describe(ArchitectureRequest(choice), ModelPool()))[0]


def test_every_layer_of_a_hybrid_says_what_it_lacks(tmp_path: Path) -> None:
    built = architecture(hybrid(tmp_path, "nemotron_h"))
    assert (built.layers, built.heads, built.layer_heads) == (4, 4, (0, 0, 4, 0))
    assert [gap.layer for gap in built.without_heads] == [0, 1, 3]
    assert [gap.layer for gap in built.without_network] == [0, 2]
    assert "Mamba" in built.without_heads[0].why
    assert built.attending(range(4)) == [2]
    # Two experts, of which one is chosen, and a shared one; a dense network.
    assert places(built, range(4)) == [*((1, expert) for expert in range(9)), (3, -1)]
    assert places_of(built, 8) == [(1, 8), (3, -1)]
    assert built.is_built_like(built)
    with pytest.raises(ProblemError, match=r"no heads.*Layer 0 is left.*Layer 1 is"):
        built.attending([0, 1])
    with pytest.raises(ProblemError, match=r"no feed-forward network.*attention alone"):
        places(built, [2])


def test_heads_differ_in_number_from_layer_to_layer(tmp_path: Path) -> None:
    built = architecture(hybrid(tmp_path, "laguna"))
    assert (built.heads, built.layer_heads, built.without_heads) == (4, (4, 2), ())
    assert [built.heads_in(layer) for layer in range(2)] == [4, 2]


def test_a_layer_with_heads_is_answered_beside_one_that_is_refused(tmp_path: Path) -> None:
    choice = hybrid(tmp_path, "qwen3_next")
    asked = Words("tokens", limit=40), WordVectors("embeddings")
    found = driven(head_pairs(HeadPairsRequest(choice, 1, *asked), ModelPool()))[0]
    assert (found.heads, found.neuron_pairs, len(found.starts)) == (4, 8, 5)
    with pytest.raises(ProblemError, match=r"no attention heads.*gated delta rule") as error:
        driven(head_pairs(HeadPairsRequest(choice, 0, *asked), ModelPool()))
    assert error.value.problem.kind == "input"


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([], ""),
        ([3], "Layer 3 is left out: it rests."),
        ([0, 1, 2, 4], "Layers 0-2 and 4 are left out: each rests."),
        ([1, 3, 4, 7], "Layers 1, 3-4 and 7 are left out: each rests."),
    ],
)
def test_layers_are_named_in_runs(layers: list[int], said: str) -> None:
    gaps = [Gap(layer, "rests") for layer in layers]
    assert passed_over(gaps, range(8)) == said
    assert passed_over(gaps, []) == ""
