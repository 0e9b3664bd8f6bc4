"""Sets, their overlaps and alterations, and effects from the files beside the report, by pandas."""

from __future__ import annotations

import json
from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest

from analysis.events import Finished
from analysis.models.references import resolve
from analysis.models.request import ArchitectureRequest
from analysis.neurons import study as components
from analysis.neurons.request import AblationRequest, FrequenciesRequest
from analysis.neurons.result import Ablation
from analysis.neurons.study import NeuronsInput
from tests.support.scripted_components import frequencies
from tests.support.scripted_session import ScriptedSession
from tests.support.scripted_weights import architecture
from tests.support.studies import Report

CATEGORIES = ("code", "knowledge", "math")
INSTRUCTIONS = 6
SEED = 4
PLACE = ["layer", "expert", "neuron"]


def answer(request):
    """Frequencies and log-probabilities by chance."""
    if isinstance(request, ArchitectureRequest):
        yield Finished(architecture(request))
    elif isinstance(request, FrequenciesRequest):
        yield Finished(frequencies(request))
    elif isinstance(request, AblationRequest):
        yield Finished(ablation(request))


def ablation(request):
    count = len(request.instructions)
    random = np.random.default_rng(len(request.category))
    whole = -10 * random.random(count)
    return Ablation(
        model=request.model.name,
        category=request.category,
        neurons=sum(map(len, request.neurons)),
        categories=tuple(each.category for each in request.instructions),
        response_tokens=random.integers(1, 9, count, dtype=np.int32),
        whole=whole,
        silenced=whole - random.random(count),
        random=whole - random.random((3, count)),
        notes=(),
        seconds=0.1,
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    lines = [
        {"id": f"{name}/{n}", "category": name, "instruction": f"Do {name} {n}.", "response": "x"}
        for name in CATEGORIES
        for n in range(INSTRUCTIONS)
    ]
    (folder / "own.jsonl").write_text("\n".join(map(json.dumps, lines)))
    session = ScriptedSession(answer)
    options = {"prompts": str(folder / "own.jsonl"), "random_sets": 3, "seed": SEED}
    given = NeuronsInput(session, resolve("demo-base"), resolve("demo-tuned"), **options)
    made = Report(components.study(given), folder)
    session.close()
    return made


def places(members: pd.DataFrame) -> set[tuple]:
    return set(members[PLACE].fillna(-1).itertuples(index=False, name=None))


def sets_of(members: pd.DataFrame, model: str) -> dict[str, set[tuple]]:
    of_model = members[members.model == model]
    return {name: places(of_model[of_model.category == name]) for name in CATEGORIES}


def jaccard(first: set, second: set) -> float:
    return len(first & second) / len(first | second)


def test_overlaps(report):
    table = report["overlaps"]
    assert len(table) == 2 * 3 * 2
    for row in table.itertuples():
        sets = sets_of(report["members"], row.model)
        first, second = sets[row.category], sets[row.other_category]
        assert (row.size, row.shared) == (len(first), len(first & second))
        assert row.jaccard == pytest.approx(jaccard(first, second))
        assert row.containment == pytest.approx(len(first & second) / len(first))


def test_halves(report):
    members = report["half-members"]
    for row in report["halves"].itertuples():
        halves = {
            half: sets_of(members[members.half == half], row.model) for half in ("first", "second")
        }
        first, second = halves["first"][row.category], halves["second"][row.other_category]
        assert row.jaccard == pytest.approx(jaccard(first, second))


def test_the_p_value_of_halves(report):
    for name, table in report["halves"].groupby("model"):
        jaccards = table.pivot(index="category", columns="other_category", values="jaccard")
        means = [
            np.mean([jaccards.loc[pair] for pair in zip(CATEGORIES, order, strict=True)])
            for order in permutations(CATEGORIES)
        ]
        same = np.mean([jaccards.loc[each, each] for each in CATEGORIES])
        expected = np.mean([mean >= same - 1e-9 for mean in means])
        (told,) = (each for each in report.findings.statements if f"{name}: the sets of" in each)
        assert f"p {expected:.3g} (permutation test)" in told


def test_alterations(report):
    table = report["alterations"]
    assert table.layer.isna().sum() == len(CATEGORIES)
    for row in table.itertuples():
        members = report["members"]
        if not np.isnan(row.layer):
            members = members[members.layer == row.layer]
        base, tuned = (sets_of(members, name)[row.category] for name in ("demo-base", "demo-tuned"))
        expected = (len(base & tuned), len(base - tuned), len(tuned - base))
        assert (row.kept, row.lost, row.gained) == expected
        if base | tuned:
            assert row.jaccard == pytest.approx(jaccard(base, tuned))


def test_sizes(report):
    members = report["members"]
    for row in report["sizes"].itertuples():
        sets = sets_of(members[members.layer == row.layer], row.model)
        own = sets[row.category]
        others = set().union(*(each for name, each in sets.items() if name != row.category))
        assert (row.size, row.unique) == (len(own), len(own - others))
        assert row.general == len(set.intersection(*sets.values()))


def test_thresholds(report):
    combos = report["combinations"]
    combos["names"] = combos.categories.map(lambda cell: set(cell.split("; ")))
    for row in report["thresholds"].itertuples():
        here = combos[
            (combos.model == row.model) & (combos.epsilon == row.epsilon) & (combos.tau == row.tau)
        ]
        number = here.names.map(len)
        assert row.size == (number * here.neurons).sum()
        assert row.unique == here.neurons[number == 1].sum()
        assert row.general == here.neurons[number == len(CATEGORIES)].sum()
        shares = []
        for pair in map(set, combinations(CATEGORIES, 2)):
            either = here.neurons[here.names.map(lambda names, pair=pair: bool(names & pair))].sum()
            both = here.neurons[here.names.map(lambda names, pair=pair: pair <= names)].sum()
            shares += [both / either] if either else []
        expected = np.mean(shares) if shares else np.nan
        assert row.jaccard == pytest.approx(expected, nan_ok=True)


def test_effects_and_their_intervals(report):
    responses = report["responses"]
    table = report["ablation"]
    assert len(table) == 3 * len(CATEGORIES)
    for category in CATEGORIES:
        here = responses[responses.neurons_of == category]
        tokens = here.response_tokens
        here = here.assign(
            change=(here.silenced - here.whole) / tokens,
            by_chance=(here.random - here.whole) / tokens,
        )
        how = {"category": "first", "change": "first", "by_chance": "mean"}
        each = here.groupby("response").agg(how)
        effect = each.change - each.by_chance
        own = each.category == category
        generator = np.random.default_rng(SEED)
        drawn = {}
        for name, group in (("own", own), ("others", ~own)):
            values = effect[group].to_numpy()
            chosen = (generator.integers(len(values), size=len(values)) for _ in range(2000))
            drawn[name] = np.array([values[places].mean() for places in chosen])
        drawn["own - others"] = drawn["own"] - drawn["others"]
        expected = {"own": effect[own].mean(), "others": effect[~own].mean()}
        expected["own - others"] = expected["own"] - expected["others"]
        for row in table[table.category == category].itertuples():
            assert row.effect == pytest.approx(expected[row.measured_on])
            low, high = np.quantile(drawn[row.measured_on], [0.025, 0.975])
            assert (row.effect_low, row.effect_high) == pytest.approx((low, high))
        random_means = here[here.category == category].groupby("random_set").by_chance.mean()
        (first,) = table[(table.category == category) & (table.measured_on == "own")].itertuples()
        assert first.change == pytest.approx(each.change[own].mean())
        assert first.change_random == pytest.approx(random_means.mean())
        assert (first.random_lowest, first.random_highest) == pytest.approx(
            (random_means.min(), random_means.max())
        )
