"""A run of a second: few tasks, a model of two narrow layers."""

from __future__ import annotations

from analysis.clustering.training.settings import DataSettings, RunSettings, TrainingSettings

TINY = RunSettings(
    preset="tiny",
    seed=3,
    data=DataSettings(
        tasks=4,
        mappings=3,
        task_symbols=8,
        max_distributions=2,
        min_metacharacters=2,
        max_characters=4,
        hard_tasks=1,
        subset_tasks=2,
        validation_tasks=2,
    ),
    training=TrainingSettings(
        hidden=16,
        feed_forward=32,
        layers=2,
        heads=2,
        rate=3e-3,
        epochs=4,
        batch=16,
        evaluate_every=2,
        neighbours=5,
    ),
)
