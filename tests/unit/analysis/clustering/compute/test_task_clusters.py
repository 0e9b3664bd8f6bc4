"""The clusters of a model's hidden states, from tasks to scores, and what is left out."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from analysis.clustering.compute import hidden_states
from analysis.clustering.compute.instances import instances_of, is_one_token
from analysis.clustering.compute.measures import cluster_scores, neighbour_scores
from analysis.clustering.compute.task_clusters import task_clusters
from analysis.clustering.request import ClustersRequest
from analysis.clustering.result import METRICS
from analysis.clustering.tasks.natural import natural_tasks
from analysis.clustering.tasks.task_set import LABELS, ClusterTask
from analysis.demo.catalog import WEIGHTS
from analysis.engine.pool import ModelPool
from analysis.events import Progress
from analysis.models.references import resolve
from analysis.problems import ProblemError
from cache.codec import decode, encode
from tests.support.studies import driven

NATURAL = {task.name: task for task in natural_tasks().tasks}
TOKENIZER = Tokenizer.from_file(str(WEIGHTS / "demo-tuned" / "tokenizer.json"))


def some(name, phrasings, mappings):
    task = NATURAL[name]
    # Which words are single tokens is the tokenizer's affair; here all outputs are.
    short = [pair for pair in task.mappings if len(TOKENIZER.encode(f" {pair[1]}").ids) == 2]
    return ClusterTask(
        name, task.phrasings[:phrasings], tuple(short[:mappings]), category=task.category
    )


TASKS = (
    some("french-english", 6, 9),
    some("plural-singular", 5, 19),
    some("country-capital", 7, 9),
    some("location-continent", 5, 9),
)


@pytest.fixture(scope="module")
def pool():
    return ModelPool()


def answer(request, pool):
    """The result and the progress on the way."""
    return driven(task_clusters(request, pool))


def request(tasks=TASKS, model="demo-tuned", **options):
    return ClustersRequest(resolve(model), tasks, **{"mappings": 4, **options})


@pytest.fixture(scope="module")
def found(pool):
    return answer(request(), pool)[0]


def states_of(prompts, layer):
    """One by one, from transformers alone."""
    folder = WEIGHTS / "demo-tuned"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    inputs = [torch.tensor([tokenizer(prompt)["input_ids"]]) for prompt in prompts]
    with torch.no_grad():
        states = [model(ids, output_hidden_states=True).hidden_states[layer] for ids in inputs]
    return np.stack([each[0, -1].numpy() for each in states])


def test_every_phrasing_goes_with_every_mapping(found):
    assert [len(task.mappings) for task in found.tasks] == [4, 4, 4, 4]
    assert len(found.task) == (6 + 5 + 7 + 5) * 4
    instances = set(zip(found.task, found.phrasing, found.mapping, strict=True))
    assert len(instances) == len(found.task)


def test_scores_are_those_of_the_states_at_the_end_of_the_input(found):
    prompts, tasks, categories, mappings, outputs = [], [], [], [], []
    for task, phrasing, mapping in zip(found.task, found.phrasing, found.mapping, strict=True):
        given, output = found.tasks[task].mappings[mapping]
        prompts.append(f"{found.tasks[task].phrasings[phrasing]}\n{given}")
        categories.append(found.tasks[task].category)
        tasks.append(found.tasks[task].name)
        mappings.append(f"{tasks[-1]} {given}")
        outputs.append(output)
    states = states_of(prompts, 5)
    for number, labels in enumerate((categories, tasks, mappings)):
        expected = cluster_scores(states, np.array(labels))
        assert found.scores[5, number] == pytest.approx(
            [expected.f1, expected.pair_f1, expected.ari, expected.ami], abs=1e-6
        )
        assert len(set(found.clusters[5, number])) == len(set(labels))
    unseen = np.array([phrasing == 4 for phrasing in found.phrasing])
    assert np.array_equal(found.unseen, unseen)
    categories, outputs = np.array(categories), np.array(outputs)
    given = [each[rows] for rows in (~unseen, unseen) for each in (states, categories, outputs)]
    near = neighbour_scores(*given, k=10)
    assert found.neighbour_share[5] == pytest.approx(near.share)
    assert found.neighbour_accuracy[5] == pytest.approx(near.accuracy)
    assert found.neighbours_of_task[5].tolist() == near.of_task.tolist()
    assert found.output_predicted[5].tolist() == near.predicted.tolist()
    assert found.neighbours_of_task.shape == found.output_predicted.shape == (9, unseen.sum())


def test_all_layers_are_there_from_the_embeddings_on_and_on_what_they_were_computed_is_said(found):
    assert (found.device, found.dtype) == ("cpu", "float32")
    assert found.scores.shape == (9, len(LABELS), len(METRICS))
    assert found.map.shape == (9, len(found.task), 2)
    assert not np.isnan(found.scores).any()


def test_it_can_be_given_up_at_every_batch(pool):
    answer(request(), pool)  # the model is loaded then
    _, said = answer(request(), pool)
    assert all(isinstance(each, Progress) for each in said)
    stages = [each.stage for each in said]
    assert list(dict.fromkeys(stages)) == ["tokens", "states", "clusters"]
    assert stages.count("clusters") >= 9 * len(LABELS)
    steps = task_clusters(request(), pool)
    next(steps)
    steps.close()


def test_a_run_that_gave_way_goes_on_where_it_was_to_the_same_bytes(found, monkeypatch):
    passes, compute = [], hidden_states._states

    def counted(model, sequences, layers):
        passes.append(len(sequences))
        return compute(model, sequences, layers)

    monkeypatch.setattr(hidden_states, "_states", counted)
    other, models = request(seed=1), ModelPool()
    whole = answer(request(), models)[0]
    alone = passes[:]
    assert len(alone) > 1
    passes.clear()
    starts = []
    # It gives way in tokens, in states, in clusters, and there to another answer of the model.
    for stage, done in (("tokens", 0), ("states", alone[0]), ("clusters", 4), ("clusters", 4)):
        steps = task_clusters(request(), models)
        said = [next(steps)]
        while (said[-1].stage, said[-1].done) != (stage, done):
            said.append(next(steps))
        steps.close()
        starts.append(next(each for each in said if each.stage != "load"))
    again, said = answer(request(), models)
    assert passes == alone
    assert [each.stage for each in starts] == ["tokens", "tokens", "states", "clusters"]
    assert (said[0].stage, said[0].done) == ("clusters", 3)
    assert encode(msgspec.structs.replace(again, seconds=0)) == encode(
        msgspec.structs.replace(whole, seconds=0)
    )
    assert again.seconds > 0
    # One answer's states are held, the last one's; finished, it is forgotten.
    passes.clear()
    for each in (request(), other):
        steps = task_clusters(each, models)
        while next(steps).stage != "clusters":
            pass
        steps.close()
    answer(request(), models)
    assert passes == alone * 3


def test_little_memory_means_more_passes_and_the_same_result(found, pool, monkeypatch):
    monkeypatch.setattr("analysis.clustering.compute.task_clusters.free_bytes", lambda device: 0)
    again, said = answer(request(), pool)
    ends = [each for each in said if each.stage == "states" and each.done == each.total]
    assert len(ends) == 9
    assert np.array_equal(again.scores, found.scores)


def test_its_parts_make_up_the_whole_to_the_byte(found, pool):
    parts = [answer(part, pool)[0] for part in request().parts()]
    assert [len(each.scores) for each in parts] == [2, 2, 2, 3]
    joined = request().joined(parts)
    assert joined.seconds > 0
    assert encode(msgspec.structs.replace(joined, seconds=0)) == encode(
        msgspec.structs.replace(found, seconds=0)
    )
    assert len({each.key(["a"]) for each in (request(), *request().parts())}) == 5
    assert not any(part.parts() for part in request().parts())


def test_t_sne_comes_before_the_clusters_where_it_is_wanted(found, pool):
    two = request((some("country-capital", 3, 9), some("plural-singular", 3, 19)), mappings=3)
    plain, _ = answer(two, pool)
    first, _ = answer(msgspec.structs.replace(two, tsne=True), pool)
    assert (plain.tsne, first.tsne) == (False, True)
    assert not np.array_equal(plain.map, first.map)


def test_t_sne_takes_a_sample_that_the_result_speaks_of(pool, monkeypatch):
    monkeypatch.setattr("analysis.clustering.compute.task_clusters.MOST_FOR_TSNE", 40)
    sampled, _ = answer(request(tsne=True), pool)
    again, _ = answer(request(tsne=True, seed=1), pool)
    assert sampled.clusters.shape[2] == sampled.map.shape[1] == len(sampled.task) == 40
    assert any("92 instances: all this is about 40 of them" in note for note in sampled.notes)
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS / "demo-tuned")
    every = instances_of(request().tasks, tokenizer, request().mappings)
    everything = list(zip(every.task, every.phrasing, every.mapping, strict=True))
    for each in (sampled, again):
        chosen = list(zip(each.task, each.phrasing, each.mapping, strict=True))
        assert len(set(chosen)) == 40
        assert chosen == [place for place in everything if place in set(chosen)]
    assert not np.array_equal(sampled.phrasing, again.phrasing)
    plain, _ = answer(request(), pool)
    assert len(plain.task) == 92
    assert not plain.notes


def test_in_a_chat_the_state_is_that_before_the_answer(pool):
    chat, _ = answer(request(chat_template=True), pool)
    # Layer 0 is the template's last token, whatever was asked.
    assert (chat.map[0] == 0).all()
    assert len(set(chat.clusters[0, 1])) == 1
    assert chat.scores[0, :, METRICS.index("ari")] == pytest.approx(0)
    assert len(set(chat.clusters[8, 1])) == 4


def test_a_task_alone_has_scores_for_its_mappings_only(pool):
    found, _ = answer(request((some("country-capital", 6, 9),)), pool)
    assert np.isnan(found.scores[:, :2]).all()
    assert not np.isnan(found.scores[:, 2]).any()
    assert "All instances share one task: it has no scores." in found.notes


def test_one_phrasing_leaves_nothing_unseen(pool):
    found, _ = answer(request((some("country-capital", 1, 9), some("antonyms", 1, 9))), pool)
    assert found.neighbours == 0
    assert np.isnan(found.neighbour_share).all()
    assert any("five phrasings" in note for note in found.notes)


def test_one_instance_has_no_scores_and_says_why(pool):
    found, _ = answer(request((some("country-capital", 1, 9),), mappings=1), pool)
    assert np.isnan(found.scores).all()
    assert sum("it has no scores" in note for note in found.notes) == 3


def test_outputs_of_several_tokens_are_clustered_and_said():
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS / "demo-base")
    mixed = ClusterTask("mixed", ("Do.",), (("a", "Ouagadougou"), ("b", "house"), ("c", "dog")))
    foreign = ClusterTask("foreign", ("Do.",), (("cat", "猫"),))
    found = instances_of((mixed, foreign), tokenizer, 2)
    assert [task.mappings for task in found.tasks] == [mixed.mappings[:2], foreign.mappings]
    assert found.one_token.tolist() == [False, True, False]
    (note,) = found.notes
    assert note.endswith(": Ouagadougou (mixed), 猫 (foreign).")
    assert is_one_token(tokenizer, "house")
    assert not is_one_token(tokenizer, "Ouagadougou")


def test_outputs_of_several_tokens_are_left_out_of_the_neighbours_accuracy_alone(found, pool):
    """Without those instances the accuracy is the same; share and scores have them."""
    longer = ("Burkina Faso", "Ouagadougou")
    mixed = tuple(
        msgspec.structs.replace(task, mappings=(*task.mappings[:4], longer)) for task in TASKS
    )
    more, _ = answer(request(mixed, mappings=5), pool)
    assert more.one_token.tolist() == [mapping < 4 for mapping in more.mapping]
    assert len(more.task) == len(found.task) * 5 // 4
    assert more.neighbour_accuracy == pytest.approx(found.neighbour_accuracy)
    one_token = more.one_token[more.unseen]
    assert np.array_equal(more.output_predicted[:, one_token], found.output_predicted)
    assert not more.output_predicted[:, ~one_token].any()
    assert more.neighbours_of_task.shape[1] == more.unseen.sum()
    alone = tuple(msgspec.structs.replace(task, mappings=(longer,)) for task in TASKS)
    none, _ = answer(request(alone), pool)
    assert np.isnan(none.neighbour_accuracy).all()
    assert not np.isnan(none.neighbour_share).any()
    assert any("Too few outputs are one token" in note for note in none.notes)


def test_too_many_instances_are_refused():
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS / "demo-base")
    many = ClusterTask(
        "many", tuple(map(str, range(20_000))), (("a", "house"), ("b", "dog"), ("c", "cat"))
    )
    with pytest.raises(ProblemError, match="60,000 instances are too many"):
        instances_of((many,), tokenizer, 10)


def test_an_instance_beyond_the_window_is_refused(pool):
    long = ClusterTask("long", ("word " * 600,), (("a", "house"),))
    with pytest.raises(ProblemError, match="demo-tuned reads at most 512"):
        answer(request((long,)), pool)


def test_a_result_survives_the_cache(found):
    assert request().stored
    again = decode(encode(found), type(found))
    assert np.array_equal(again.clusters, found.clusters)
    assert again.tasks == found.tasks


def test_what_changes_the_numbers_changes_the_key():
    others = ({"tasks": TASKS[:3]}, {"mappings": 3}, {"tsne": True}, {"seed": 1})
    others += ({"neighbours": 3}, {"chat_template": True})
    assert len({request(**each).key(["f"]) for each in ({}, *others)}) == 7
    renamed = msgspec.structs.replace(request().model, name="other", location="elsewhere")
    same = msgspec.structs.replace(request(), model=renamed)
    assert same.key(["f"]) == request().key(["f"])
