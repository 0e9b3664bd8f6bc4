"""A result's key tells apart what gives other numbers, and nothing else."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import msgspec
import pytest

from analysis.concepts.request import ConceptsRequest
from analysis.heads.request import HeadPairsRequest, NeuronPairsRequest
from analysis.request import ModelChoice, Request, named
from analysis.saliency.request import AttributionRequest
from analysis.studies.kept import StudyRequest
from analysis.words.choice import Words, WordVectors

ROOT = Path(__file__).parents[3]
BASE = ModelChoice("base", "/models/base")
TUNED = ModelChoice("tuned", "/models/tuned")
MOVED = ModelChoice("elsewhere", "/other/base")
WORDS = Words("file", path="/lists/a.txt", digest="d1")
VECTORS = WordVectors("embeddings", model=BASE)

REQUESTS = [
    AttributionRequest(BASE, "Hello"),
    HeadPairsRequest(BASE, 3, WORDS, VECTORS),
    NeuronPairsRequest(BASE, 3, 1, WORDS, VECTORS),
    ConceptsRequest(BASE, TUNED, 3, WORDS),
]


def key_of(request, models=None):
    return request.key([f"fingerprint of {each.name}" for each in models or request.models()])


def same(request, **changes):
    return key_of(msgspec.structs.replace(request, **changes), request.models()) == key_of(request)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
def test_the_name_and_place_of_a_model_do_not_count(request_):
    field = "base" if isinstance(request_, ConceptsRequest) else "model"
    assert same(request_, **{field: MOVED})
    assert not same(request_, **{field: msgspec.structs.replace(BASE, dtype="bfloat16")})
    assert key_of(request_) != request_.key(["another"] * len(request_.models()))


@pytest.mark.parametrize("request_", REQUESTS[1:], ids=lambda request: type(request).__name__)
def test_a_list_of_words_counts_by_its_content(request_):
    assert same(request_, words=msgspec.structs.replace(WORDS, path="/moved/b.txt"))
    assert not same(request_, words=msgspec.structs.replace(WORDS, digest="d2"))
    assert not same(request_, words=msgspec.structs.replace(WORDS, limit=5))
    assert not same(request_, layer=4)


def test_vectors_count_by_their_content():
    request = HeadPairsRequest(BASE, 3, WORDS, WordVectors("file", "/v/glove.txt", "d1", "/cache"))
    moved = WordVectors("file", "/w/glove.txt", "d1", "/elsewhere")
    assert same(request, vectors=moved)
    assert not same(request, vectors=msgspec.structs.replace(moved, digest="d2"))


def test_thresholds_count_where_they_are_not_the_usual_ones():
    request = HeadPairsRequest(BASE, 3, WORDS, VECTORS)
    assert same(request, vectors=VECTORS.with_thresholds(None, None))
    assert same(request, vectors=VECTORS.with_thresholds(1000, 1.96))
    assert b"frequent" not in msgspec.json.encode(VECTORS)
    for changed in (VECTORS.with_thresholds(3000, None), VECTORS.with_thresholds(None, 2.0)):
        assert not same(request, vectors=changed)


def test_memory_changes_no_number():
    assert same(REQUESTS[0], memory_budget=1 << 30)
    assert not same(REQUESTS[0], method="occlusion")
    assert not same(REQUESTS[0], response_ids=(1, 2))


def test_an_answer_depends_on_every_model_that_takes_part():
    assert HeadPairsRequest(TUNED, 0, WORDS, VECTORS).models() == (TUNED, BASE)
    assert HeadPairsRequest(TUNED, 0, WORDS, WordVectors("demo")).models() == (TUNED,)
    assert REQUESTS[3].models() == (BASE, TUNED)


class Panel(Request[Any], frozen=True, tag="panel"):
    """A request about any number of models."""

    analysis = "panel"
    models_of_it: tuple[ModelChoice, ...]


def test_models_in_a_tuple_count_by_their_weights_too():
    panel = Panel((BASE, TUNED))
    assert panel.models() == (BASE, TUNED)
    assert panel.key(["b", "t"]) == Panel((MOVED, TUNED)).key(["b", "t"])
    assert panel.key(["b", "t"]) != panel.key(["c", "t"])


def requests() -> list[type[Request]]:
    """Every kind of request: those of all rooms."""
    for room in (ROOT / "analysis").glob("*/request.py"):
        importlib.import_module(f"analysis.{room.parent.name}.request")
    return [each for each in Request.__subclasses__() if each.__module__.startswith("analysis.")]


@pytest.mark.parametrize("kind", requests(), ids=lambda kind: kind.__name__)
def test_the_places_that_a_request_names_exist_and_its_name_is_its_own(kind):
    # What a study found is stored at its end, and no engine is asked for it.
    assert kind is StudyRequest or inspect.isgeneratorfunction(named(kind.function))
    assert issubclass(kind.result_type(), msgspec.Struct)
    assert [each.analysis for each in requests()].count(kind.analysis) == 1
    assert {field.name for field in msgspec.structs.fields(kind)} >= set(kind.outside_key)
