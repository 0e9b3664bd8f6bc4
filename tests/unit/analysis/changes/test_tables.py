"""What is written of changed weights: a row a tensor, a row a direction, or everything."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest

from analysis.changes.request import OUTSIDE, ChangesRequest
from analysis.changes.tables import as_json, directions_table, tensors_table
from analysis.request import ModelChoice
from analysis.words.choice import Words
from cache.codec import decode, encode
from tests.support.scripted_changes import MATRICES, RANK, layer_changes
from tests.support.studies import rows

PAIR = ModelChoice("base", "/base"), ModelChoice("tuned", "/tuned")
LAYERS = [layer_changes(ChangesRequest(*PAIR, layer, Words("demo"))) for layer in (0, OUTSIDE)]


def test_every_tensor_has_a_row_and_vectors_have_no_directions():
    table = rows(tensors_table(LAYERS))
    assert [row["tensor"] for row in table] == [*MATRICES, "input_layernorm", "embeddings", "norm"]
    assert [row["layer"] for row in table] == [0] * 8 + [None] * 2
    query, norm = table[0], table[-1]
    assert query["relative_change"] == pytest.approx(0.01)
    values = 2.0 ** -np.arange(RANK)
    # The scripted norm is 1.25 times that of the directions kept.
    assert query["top_share"] == pytest.approx(1 / 1.25**2)
    assert query["stable_rank"] == pytest.approx(1.25**2 * (values**2).sum())
    assert query["words"].split() == list(LAYERS[0].of("query").directions.ends(0)[0])
    assert norm["relative_change"] == pytest.approx(0.002)
    assert norm["effective_rank"] is norm["words"] is norm["side"] is None


def test_every_direction_has_a_row_and_shares_add_up():
    table = rows(directions_table(LAYERS))
    own = [row for row in table if row["tensor"] == "down"]
    assert [row["direction"] for row in own] == list(range(RANK))
    assert [row["settled"] for row in own] == [True, True, True, False, True, True]
    sums = np.cumsum([row["share"] for row in own])
    np.testing.assert_allclose([row["cumulative_share"] for row in own], sums)
    assert sums[-1] == pytest.approx(1 / 1.25**2)
    assert len(table) == 8 * RANK + 2


def test_json_holds_every_word_with_its_cosine_and_no_infinity():
    zero = msgspec.structs.replace(LAYERS[1].of("norm"), norm_base=0.0)
    assert zero.relative == float("inf")
    last = msgspec.structs.replace(LAYERS[1], tensors=(zero,))
    first, outside = json.loads(as_json([LAYERS[0], last]))
    direction = first["tensors"][0]["directions"][2]
    found = LAYERS[0].of("query").directions
    assert [each["word"] for each in direction["opposite_words"]] == list(found.ends(2)[1])
    assert [each["cosine"] for each in direction["words"]] == pytest.approx(
        found.cosines[2, 0].tolist(), abs=1e-6
    )
    assert outside["layer"] is None
    assert outside["tensors"][0]["relative_change"] is None


def test_an_answer_is_stored_under_other_names_of_the_models():
    request = ChangesRequest(*PAIR, 0, Words("demo"))
    stored = decode(encode(LAYERS[0]), type(LAYERS[0]))
    other = msgspec.structs.replace(request, base=ModelChoice("again", "/base"))
    assert other.key(["a", "b"]) == request.key(["a", "b"])
    assert (other.renamed(stored).base, stored.tuned) == ("again", "tuned")
    np.testing.assert_array_equal(
        stored.of("up").directions.cosines, LAYERS[0].of("up").directions.cosines
    )
