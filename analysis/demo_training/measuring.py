"""Measures all that `insttui demo info` says of the models in a folder, and records it there.

What the models write is evaluated first, one after the other; then the project's own studies look
at each tuned model beside the base model, two of them at a time.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, CancelledError, ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from analysis.demo.catalog import (
    DEMO_BASE,
    DEMO_LORA,
    DEMO_MODELS,
    DEMO_TUNED,
    INFO_NAME,
    VECTORS_NAME,
    WEIGHTS,
    DemoPrompt,
    held_out_items,
    held_out_phrasings,
    info,
)
from analysis.demo_training.corpus import documents
from analysis.demo_training.evaluation import LoadedModel, evaluate
from analysis.demo_training.study_figures import MEASURED, figures_of
from analysis.events import Notice
from analysis.models.places import base_of
from analysis.request import ModelChoice
from analysis.session.session import Session
from analysis.table import Table, save_csv
from cache.store import Store

RATINGS_NAME = "ratings.csv"
TUNED_MODELS = (DEMO_TUNED, DEMO_LORA)
"""What is measured beside `DEMO_BASE`, where the folder has it."""

HELD_OUT_TEXT_SEED = 9000
HELD_OUT_DOCUMENTS = 400
_AT_A_TIME = 2

Told = Callable[[str, int, int], None]
"""Told of a stage, how many of its steps are done, and how many there are."""


def complete_info(folder: Path, progress: Told) -> None:
    """Measure the models in `folder`, and add the figures to the record of their training.

    Beside the record, `RATINGS_NAME` gets the ratings of both models' responses to all raw held-out
    prompts, as `read_ratings` reads them.

    Raises:
        OSError: if `train_pair` did not write the folder.
        ProblemError: if a study cannot be made.
    """
    # Figures of other weights, or of an older version, say nothing about these.
    record: dict[str, Any] = {"training": info(folder)["training"]}
    started = time.monotonic()
    figures, ratings = respond_all(folder, progress)
    responded = time.monotonic()
    record |= figures
    save_csv(ratings, folder / RATINGS_NAME)
    # Minutes' work is kept, should a study fail.
    _write(record, folder)
    record["pairs"] = study_all(folder, progress)
    record["measured"] = {
        "responses_seconds": responded - started,
        "studies_seconds": time.monotonic() - responded,
        # Engines know the demo's words by the place where they are shipped.
        "words_of_these_models": (folder / VECTORS_NAME).read_bytes()
        == (WEIGHTS / VECTORS_NAME).read_bytes(),
    }
    _write(record, folder)


def _write(record: dict[str, Any], folder: Path) -> None:
    text = msgspec.json.format(msgspec.json.encode(record), indent=1)
    (folder / INFO_NAME).write_bytes(text + b"\n")


def respond_all(
    folder: Path, progress: Told, *, prompts_of_a_set: int | None = None
) -> tuple[dict[str, Any], Table]:
    """Evaluate every model's responses to the held-out prompts.

    Args:
        folder: Where the models are.
        progress: Told of every model.
        prompts_of_a_set: Take only so many; None for all.

    Returns:
        The figures of `evaluation.evaluate`, by what they measure, then by set, model and format;
        `ratings`, how many responses of either model of `DEMO_MODELS` got which, by set; and these
        ratings, in a table of id, model and rating.
    """
    sets: dict[str, Sequence[DemoPrompt]] = {
        "held_out_phrasings": held_out_phrasings()[:prompts_of_a_set],
        "held_out_items": held_out_items()[:prompts_of_a_set],
    }
    texts = list(documents(HELD_OUT_DOCUMENTS, HELD_OUT_TEXT_SEED))[:prompts_of_a_set]
    models = [DEMO_BASE, *tuned_models(folder)]
    figures: dict[str, Any] = {}
    rows: list[tuple[str, str, float]] = []
    counts: dict[str, dict[str, dict[str, int]]] = {name: {} for name in sets}
    for done, model in enumerate(models):
        progress("respond", done, len(models))
        found, ratings = evaluate(LoadedModel.open(folder / model), sets, texts)
        for measured, by_set in found.items():
            for name, value in by_set.items():
                figures.setdefault(measured, {}).setdefault(name, {})[model] = value
        for name, given in ratings.items():
            counts[name][model] = {f"{each:g}": given.count(each) for each in sorted(set(given))}
            if model in DEMO_MODELS:
                ids = (prompt.id for prompt in sets[name])
                rows += [(each, model, rating) for each, rating in zip(ids, given, strict=True)]
    progress("respond", len(models), len(models))
    return {**figures, "ratings": counts}, Table(("id", "model", "rating"), rows)


def study_all(
    folder: Path, progress: Told, studies: Sequence[str] = MEASURED
) -> dict[str, dict[str, Any]]:
    """The figures of the studies, by tuned model and study, each with its `seconds`.

    Stages are named "study of model". The engines use a thread each: models this small gain next to
    nothing by a second one.

    Raises:
        ProblemError: if a study cannot be made.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Engines know no working directory of ours, and take what is no folder for a name.
    folder = folder.resolve()
    base = ModelChoice(DEMO_BASE, str(folder / DEMO_BASE), device="cpu")
    tuned = {
        name: ModelChoice(name, str(folder / name), device="cpu") for name in tuned_models(folder)
    }
    # An adapter names the base model that it was tuned on, which may not be the one in this folder.
    tuned = {
        name: msgspec.structs.replace(choice, beneath=base) if base_of(choice) else choice
        for name, choice in tuned.items()
    }
    stop, telling = threading.Event(), threading.Lock()
    with (
        tempfile.TemporaryDirectory() as cache,
        ThreadPoolExecutor(_AT_A_TIME) as pool,
    ):

        def figures(name: str, study: str) -> dict[str, Any]:
            """One study's figures; what several ask of a model is computed once."""
            started = time.monotonic()
            with (
                closing(Session(Store(Path(cache)))) as session,
                closing(figures_of(study, session, base, tuned[name])) as steps,
            ):
                while not stop.is_set():
                    try:
                        said = next(steps)
                    except StopIteration as end:
                        found: dict[str, Any] = end.value
                        return {**found, "seconds": time.monotonic() - started}
                    if not isinstance(said, Notice):
                        with telling:
                            progress(f"{study} of {name}", said.done, said.total or said.done + 1)
            raise CancelledError

        jobs = {
            (name, study): pool.submit(figures, name, study) for name in tuned for study in studies
        }
        try:
            wait(jobs.values(), return_when=FIRST_EXCEPTION)
            for job in jobs.values():
                if job.done():
                    job.result()
        finally:
            # Where a study failed or the user gave up, the others need not go on.
            stop.set()
            pool.shutdown(cancel_futures=True)
        return {name: {study: jobs[name, study].result() for study in studies} for name in tuned}


def tuned_models(folder: Path) -> tuple[str, ...]:
    """The models of `TUNED_MODELS` that the folder has."""
    return tuple(name for name in TUNED_MODELS if (folder / name).is_dir())
