"""A report names the precision and the device that were used, not those that were asked for."""

from __future__ import annotations

import msgspec
import pytest

from analysis.concepts import study as concepts
from analysis.heads import study as heads
from analysis.models.references import resolve
from analysis.saliency import study_density as density
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.cases.prompt_sets import PromptSet, demo_prompts
from analysis.saliency.gather import AskedCases
from tests.support.case_folders import write_small_library
from tests.support.scripted_concepts import layer_concepts
from tests.support.scripted_session import attribution
from tests.support.scripted_weights import head_pairs
from tests.support.studies import KeepingSession, driven
from tests.support.weight_studies import pair

BASE, TUNED = resolve("demo-base"), resolve("demo-tuned")


def parameters_of_answers(answer, **options):
    chosen = demo_prompts()
    prompts = PromptSet(chosen.name, chosen.prompts[:6], chosen.digest)
    given = AskedCases(KeepingSession({}, answer), BASE, TUNED, prompts, **options)
    return driven(density.study(given))[0].parameters


def test_automatic_precision_and_method_are_those_of_the_answers():
    found = parameters_of_answers(attribution, method="auto")
    assert (BASE.dtype, BASE.device) == ("auto", "auto")
    assert found["base precision"] == found["tuned precision"] == "float32 on cpu"
    assert found["method"] == "reverse"
    assert "auto" not in found.values()


def test_answers_of_several_machines_name_all_of_them():
    def answer(request):
        found = attribution(request)
        if request.model.name == "demo-base" or len(request.prompt) % 2:
            return found
        return msgspec.structs.replace(
            found, device="cuda:0", dtype="bfloat16", method="forward", passes_dtype="float32"
        )

    found = parameters_of_answers(answer)
    assert found["base precision"] == "float32 on cpu"
    assert found["tuned precision"] == "bfloat16 on cuda:0, passes in float32 and float32 on cpu"
    assert found["method"] == "forward and reverse"


def test_stored_maps_name_no_precision(tmp_path):
    library = CaseLibrary.open(write_small_library(tmp_path))
    found = driven(density.study(library))[0].parameters
    library.close()
    assert not [name for name in found if "precision" in name]


@pytest.mark.parametrize("study", [heads.study, concepts.study])
def test_weights_have_the_precision_of_their_files(study):
    def placed(answer):
        return lambda request: msgspec.structs.replace(answer(request), device="cuda:1")

    given = pair(BASE, TUNED, heads=placed(head_pairs), concepts=placed(layer_concepts))
    found = driven(study(given))[0].parameters
    assert found["base weights stored in"] == found["tuned weights stored in"] == "float16"
    assert found["computed in"].startswith("float32")
    assert found["device"] == "cuda:1"


def test_what_nobody_recorded_is_said_not_to_be():
    found = driven(heads.study(pair()))[0].parameters
    assert found["base weights stored in"] == found["device"] == "not recorded"
