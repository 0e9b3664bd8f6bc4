"""What an analysis costs is told from what its like cost before, for models of any size."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.clustering.request import clusters_ask
from analysis.clustering.tasks.natural import natural_tasks
from analysis.heads.gather import layer_asks
from analysis.neurons.request import FrequenciesRequest
from analysis.request import Ask, ModelChoice, Pair
from analysis.saliency.request import AttributionRequest
from analysis.words.choice import Words, WordVectors
from app.jobs.prices import Prices
from tests.support import checkpoints

WORDS, VECTORS = Words("demo"), WordVectors("demo")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """One model under two names."""
    tokenizer = checkpoints.byte_level_tokenizer()
    folder = tmp_path_factory.mktemp("models") / "small"
    checkpoints.save(folder, checkpoints.llama(tokenizer), tokenizer)
    return ModelChoice("one", str(folder)), ModelChoice("other", str(folder))


def test_a_price_is_that_of_the_layers_that_are_asked(pair: Pair) -> None:
    prices = Prices()
    one, both = (layer_asks(pair, range(count), WORDS, VECTORS) for count in (1, 2))
    assert prices.of(both) == pytest.approx(2 * prices.of(one))
    assert prices.of([]) == 0.0


def test_texts_count_each(pair: Pair) -> None:
    def frequencies(texts: int) -> Ask:
        return Ask("category", (FrequenciesRequest(pair[0], "category", ("text",) * texts),))

    prices = Prices()
    assert prices.of([frequencies(30)]) == pytest.approx(30 * prices.of([frequencies(1)]))


def test_an_answer_costs_in_proportion_to_the_response_that_may_come_of_it(pair: Pair) -> None:
    prices = Prices()
    whole = AttributionRequest(pair[0], "Hello")
    prices.learn(whole, 3.0)
    short = AttributionRequest(pair[0], "Hello", max_new_tokens=60)
    written = AttributionRequest(pair[0], "Hello", response_ids=(1,) * 30)
    costs = [prices.of_requests([each]) for each in (whole, short, written)]
    assert costs == [pytest.approx(each) for each in (3.0, 0.6, 0.3)]


def test_instances_count_each_and_a_sample_says_nothing_of_what_all_cost(pair: Pair) -> None:
    tasks = natural_tasks()
    sample, every = (clusters_ask(pair, each.tasks) for each in (tasks.sampled(5, 5), tasks))
    prices = Prices()
    before = prices.of([every])
    assert before == pytest.approx(prices.of([sample]) * every.requests[0].instances / 400)
    prices.learn(sample.requests[0], 100.0)
    assert prices.of([every]) == before
    prices.learn(every.requests[0], 100.0)
    assert prices.of([every]) == pytest.approx(200.0)


def test_what_was_measured_replaces_the_first_figure_and_newer_measurements_count_more(
    pair: Pair,
) -> None:
    asks = layer_asks(pair, range(2), WORDS, VECTORS)
    prices = Prices()
    prices.learn(asks[0].requests[0], 15.0)
    # Two layers of two models.
    assert prices.of(asks) == pytest.approx(60.0)
    assert Prices(prices.known).of(asks) == pytest.approx(60.0)
    for _ in range(20):
        prices.learn(asks[0].requests[0], 1.0)
    assert prices.of(asks) == pytest.approx(4.0, rel=0.05)


def test_nothing_is_said_of_a_model_that_is_not_at_hand(tmp_path: Path) -> None:
    nowhere = ModelChoice("nowhere", str(tmp_path / "nowhere"))
    asks = layer_asks((nowhere, nowhere), range(1), WORDS, VECTORS)
    prices = Prices()
    assert prices.of(asks) is None
    prices.learn(asks[0].requests[0], 15.0)
    assert prices.known == {}
