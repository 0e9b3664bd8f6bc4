"""The principal components of a layer in both models, and their rotation by tuning (METHODS 3)."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from analysis.concepts.compute.principal import PrincipalWords, principal_words
from analysis.concepts.request import ConceptsRequest
from analysis.concepts.result import Components, LayerConcepts
from analysis.concepts.rotation import rotation
from analysis.engine.pool import ModelPool, layer_patterns, layer_weights
from analysis.events import Progress, Steps
from analysis.request import ModelChoice
from analysis.words.compute.lexicon import output_words


def concepts(request: ConceptsRequest, models: ModelPool) -> Steps[LayerConcepts]:
    """The principal components of a layer in both models, and their rotation (METHODS 3).

    Raises ProblemError if a model or the words cannot be used.
    """
    started = time.monotonic()
    found: list[PrincipalWords] = []
    sides: list[Components] = []
    notes: tuple[str, ...] = ()
    for done, choice in enumerate((request.base, request.tuned)):
        yield Progress("components", done, 3, choice.name)
        words, embeddings = yield from output_words(choice, request.words, models)
        weights = yield from layer_weights(choice, request.layer, models)
        patterns = layer_patterns(weights, choice, request.layer, request.expert)
        patterns = patterns.to(embeddings.device)
        part = principal_words(
            patterns, embeddings, request.rank, request.top, measure=request.measure
        )
        del patterns
        found.append(part)
        sides.append(_components(choice, part, words.words))
        notes = tuple(dict.fromkeys((*notes, *words.notes)))
    yield Progress("components", 2, 3, "rotation")
    turned = rotation(found[0].directions, found[1].directions)
    if len(found[0].directions) == weights.width == len(found[1].directions):
        notes = (
            *notes,
            f"All {weights.width} components together span the whole space: only the angles "
            "of single components say something.",
        )
    return LayerConcepts(
        layer=request.layer,
        expert=request.expert,
        base=sides[0],
        tuned=sides[1],
        matched=turned.matched,
        angles=turned.angles,
        subspace_angles=turned.subspace_angles,
        notes=notes,
        seconds=time.monotonic() - started,
        device=str(embeddings.device),
    )


def _components(choice: ModelChoice, found: PrincipalWords, words: Sequence[str]) -> Components:
    used, places = np.unique(found.word_indices, return_inverse=True)
    return Components(
        model=choice.name,
        explained_variance=found.explained_variance,
        words=tuple(words[each] for each in used.tolist()),
        word_indices=places.reshape(found.word_indices.shape).astype(np.int32),
        measures=found.measures,
    )
