"""Hidden states, clusters and activation frequencies beside what a user would write.

Run: ``python -m tests.bench.bench_clusters [--tasks T] [--phrasings P]``. On the demo pair's tuned
model and the natural tasks, in one process, each way once before it is timed: states in batches
against one prompt at a time with ``output_hidden_states=True``; pair F1 of a layer against a matrix
of all pairs, both after scikit-learn's K-Means; frequencies in batches against hooks and one prompt
at a time. Prints seconds, ratios and the largest difference.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from transformers import PreTrainedModel

from analysis.clustering.compute.hidden_states import last_states
from analysis.clustering.compute.instances import instances_of
from analysis.clustering.compute.measures import STARTS, cluster_scores
from analysis.clustering.tasks.natural import natural_tasks
from analysis.clustering.tasks.task_set import ClusterTask
from analysis.demo.catalog import WEIGHTS
from analysis.engine.loading import load_model, pick_device
from analysis.engine.tokenizing import tokenize
from analysis.models.references import resolve
from analysis.neurons.compute.batches import Text, in_batches, padded
from analysis.neurons.compute.counting import Counter
from analysis.neurons.compute.feed_forward import feed_forwards
from tests.bench.costs import timed
from tests.support.studies import answered

MADE = TypeVar("MADE")
Sequences = Sequence[Sequence[int]]


def batched_states(model: PreTrainedModel, sequences: Sequences) -> NDArray[np.float32]:
    """Our way: float32 [layers + 1, n, D]."""
    return answered(last_states(model, sequences, range(model.config.num_hidden_layers + 1)))


@torch.inference_mode()
def single_states(model: PreTrainedModel, sequences: Sequences) -> NDArray[np.float32]:
    """One prompt at a time."""
    rows = []
    for ids in sequences:
        layers = model(torch.tensor([ids]), output_hidden_states=True).hidden_states
        rows.append(torch.stack([layer[0, -1] for layer in layers]))
    return torch.stack(rows, dim=1).numpy()


def plain_f1(states: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """scikit-learn's K-Means, from as many starts, and every pair of instances looked at."""
    found = KMeans(len(set(labels)), n_init=STARTS, random_state=0).fit_predict(states)
    above = np.triu_indices(len(labels), 1)
    alike = (labels[:, None] == labels[None])[above]
    together = (found[:, None] == found[None])[above]
    return float(2 * (alike & together).sum() / (alike.sum() + together.sum()))


def counted_frequencies(model: PreTrainedModel, sequences: Sequences) -> NDArray[np.float32]:
    """Our way: float32 [layers, units], the mean share of a prompt's tokens."""
    counter = Counter(feed_forwards(model), "gate")
    texts = [Text(index, tuple(ids), (True,) * len(ids)) for index, ids in enumerate(sequences)]
    for batch in in_batches(texts):
        ids, mask, counted = padded(batch, model.device)
        with torch.inference_mode(), counter.counting(counted):
            model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)
    return np.stack([layer.mean for layer in counter.layers()])


@torch.inference_mode()
def hooked_frequencies(model: PreTrainedModel, sequences: Sequences) -> NDArray[np.float32]:
    """A hook on every activation function, one prompt at a time."""
    seen: list[torch.Tensor] = []
    blocks = [layer.mlp.act_fn for layer in model.model.layers]
    hooks = [
        block.register_forward_hook(
            lambda _module, _given, out: seen.append((out[0] > 0).float().mean(dim=0))
        )
        for block in blocks
    ]
    total = torch.zeros(len(blocks), model.config.intermediate_size, dtype=torch.float64)
    for ids in sequences:
        seen.clear()
        model.model(torch.tensor([ids]), use_cache=False)
        total += torch.stack(seen)
    for hook in hooks:
        hook.remove()
    return (total / len(sequences)).float().numpy()


def compare(name: str, ours: Callable[[], MADE], theirs: Callable[[], MADE]) -> MADE:
    """Time both ways and print their ratio and largest difference; returns what ours made."""
    (made, took, _), (other, other_took, _) = timed(ours), timed(theirs)
    apart = float(np.abs(np.asarray(made) - np.asarray(other)).max())
    print(
        f"{name:38} {took:7.2f} s   the plain way {other_took:7.2f} s   "
        f"{other_took / took:5.1f}×   largest difference {apart:.1e}",
        flush=True,
    )
    return made


def main() -> None:
    """Compare all three."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=16)
    parser.add_argument("--phrasings", type=int, default=20)
    options = parser.parse_args()
    choice = resolve("demo-tuned")
    loaded = load_model(choice, WEIGHTS / "demo-tuned", pick_device("cpu"))
    tasks = [
        ClusterTask(each.name, each.phrasings[: options.phrasings], each.mappings, each.category)
        for each in natural_tasks().tasks[: options.tasks]
    ]
    instances = instances_of(tasks, loaded.tokenizer, 10)
    sequences = [tokenize(loaded.tokenizer, each).ids for each in instances.prompts()]
    model, few = loaded.model, sequences[:64]
    print(f"{len(sequences):,} prompts, {torch.get_num_threads()} threads")
    for first in (batched_states, single_states, counted_frequencies, hooked_frequencies):
        first(model, few)
    states = compare(
        "states of all layers",
        lambda: batched_states(model, sequences),
        lambda: single_states(model, sequences),
    )
    labels = instances.labels()[1]
    plain_f1(states[0][:500], labels[:500])
    compare(
        "pair F1 of one layer",
        lambda: cluster_scores(states[-1], labels).pair_f1,
        lambda: plain_f1(states[-1], labels),
    )
    compare(
        "activation frequencies of all layers",
        lambda: counted_frequencies(model, sequences),
        lambda: hooked_frequencies(model, sequences),
    )


if __name__ == "__main__":
    main()
