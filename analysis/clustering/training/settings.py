"""A run's parameters, by default the paper's (Tables 3 and 4), and what it says while it trains."""

from __future__ import annotations

from typing import Literal

import msgspec

from analysis.problems import Problem, problem

Learned = Literal["sequence", "output"]
"""The tokens to learn to predict: all after the first, or only an instance's output."""


class DataSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of the synthetic tasks.

    Attributes:
        tasks: Number of tasks, not counting those made from hard examples.
        mappings: Input and output pairs per task.
        task_symbols: Number of symbols for inputs and outputs, at most 26.
        instruction_symbols: Number of symbols for instructions, at most 35.
        min_distributions, max_distributions: Regular expressions per task.
        draws: Strings drawn from each; equal ones and too short ones are taken once or not at all.
        instructions: Maximum number of instructions of each.
        fewest_instructions: Minimum; a regular expression that gives fewer is replaced.
        min_metacharacters, max_metacharacters: Metacharacters per regular expression.
        min_characters, max_characters: Arguments per metacharacter.
        hard_tasks: Tasks made from hard examples, each from a different task.
        hard_instructions: Instructions of each distribution that become hard examples, or all.
        subset_tasks: Tasks of the evaluated training subset, hard and original by turns.
        validation_tasks: Tasks with unseen instructions.
        validation_instructions: Unseen instructions of each of their distributions, or all but one.
    """

    tasks: int = 50
    mappings: int = 5
    task_symbols: int = 25
    instruction_symbols: int = 35
    min_distributions: int = 1
    max_distributions: int = 6
    draws: int = 10
    instructions: int = 10
    fewest_instructions: int = 2
    min_metacharacters: int = 1
    max_metacharacters: int = 3
    min_characters: int = 3
    max_characters: int = 10
    hard_tasks: int = 5
    hard_instructions: int = 3
    subset_tasks: int = 5
    validation_tasks: int = 10
    validation_instructions: int = 3

    @property
    def longest_instruction(self) -> int:
        """The maximum length of an instruction in symbols."""
        return self.max_metacharacters * self.max_characters


class TrainingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of the model and its training.

    Attributes:
        hidden, feed_forward, layers, heads: Sizes of the GPT-2 architecture.
        dropout: For embeddings, attention and residual branches.
        learned: The tokens to learn to predict.
        deviation: Standard deviation of the initial weights.
        rate: Initial learning rate, annealed to 0 along a cosine.
        gradient_norm: Maximum norm of the gradient.
        epochs: Passes over the training instances.
        batch: Instances per step. The paper does not state it.
        evaluate_every: Epochs between evaluations.
        neighbours: K for the nearest neighbours. The paper does not state it.
        tsne: Reduce the states by t-SNE before clustering.
    """

    hidden: int = 768
    feed_forward: int = 1024
    layers: int = 6
    heads: int = 8
    dropout: float = 0.2
    learned: Learned = "sequence"
    deviation: float = 0.02
    rate: float = 1e-4
    gradient_norm: float = 1.0
    epochs: int = 200
    batch: int = 64
    evaluate_every: int = 1
    neighbours: int = 10
    tsne: bool = False

    def evaluates(self, epoch: int) -> bool:
        """Whether to evaluate after an epoch; always for 0, before training, and the last."""
        return epoch % self.evaluate_every == 0 or epoch == self.epochs


class RunSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that determines a run's results, apart from the machine.

    `seed` is for the tasks, the weights, the order and the dropout.
    """

    preset: str
    seed: int
    data: DataSettings
    training: TrainingSettings


_PAPER = DataSettings()

_SMALL = (
    # Fewer tasks with more mappings: with 10 inputs of 25 each, two tasks share most of theirs, so
    # no clusters are easier for K-Means to find than the tasks. Shorter instructions save time.
    # With ten instructions per distribution a model this small memorises each, and unseen ones
    # belong to no cluster; with thirty it learns the distribution.
    DataSettings(
        tasks=20,
        mappings=10,
        max_distributions=2,
        min_metacharacters=2,
        max_characters=5,
        draws=200,
        instructions=40,
        fewest_instructions=40,
        hard_instructions=10,
        subset_tasks=10,
        validation_instructions=10,
    ),
    TrainingSettings(
        hidden=64,
        feed_forward=128,
        layers=5,
        heads=4,
        # Predicting the instructions too would use most of a small model's time and its states.
        learned="output",
        # The paper's 0.02 scaled up by the inverse root of the width, so that a layer adds as much
        # to the embeddings as in a model of hidden size 768.
        deviation=0.07,
        rate=1e-3,
        batch=80,
        epochs=40,
        evaluate_every=5,
    ),
)

PRESETS: dict[str, tuple[DataSettings, TrainingSettings]] = {
    "small": _SMALL,
    "paper-32": (_PAPER, TrainingSettings(hidden=32, feed_forward=64, epochs=500)),
    "paper-768": (_PAPER, TrainingSettings()),
    "paper-2048": (_PAPER, TrainingSettings(hidden=2048, feed_forward=4096)),
}
"""The paper states a feed-forward width of 1,024 for its main model. The parameter counts of its
Table 6 show that the models of hidden size 32 and 2,048 have twice the hidden size."""


PAPER_SIZES = {"training": 7_300, "training subset": 180, "validation": 315}
"""Instances of each set in the paper's Table 2."""


def preset_settings(name: str, seed: int, *, tsne: bool = False) -> RunSettings:
    """The settings of a preset; raises ProblemError, ``input``, if there is none of that name."""
    if name not in PRESETS:
        raise problem(
            "input", f"There is no preset {name!r}.", "", f"Choose from {', '.join(PRESETS)}."
        )
    data, training = PRESETS[name]
    training = msgspec.structs.replace(training, tsne=tsne)
    return RunSettings(preset=name, seed=seed, data=data, training=training)


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far a run has got: epoch, from 1, and step of all epochs and steps.

    `loss` is the mean cross-entropy in nats over this epoch's steps so far; `accuracy` is on unseen
    instructions, at the last measurement.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The run ended before its last epoch."""

    problem: Problem


Message = Progress | Failed
