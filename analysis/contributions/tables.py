"""Tables of contributions, for the ``contributions`` command."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from analysis.contributions.result import Contributions
from analysis.models.tokens import Span, Tokens
from analysis.table import Cell, Table, shortest

PART_COLUMNS = ("model", "layer", "part", "contribution", "centred")
PAIR_COLUMNS = (
    "layer",
    "part",
    "contribution_base",
    "contribution_tuned",
    "difference",
    "centred_base",
    "centred_tuned",
)
WORD_COLUMNS = ("model", "layer", "head", "source", "token", "contribution")
NEURON_COLUMNS = (
    "model",
    "layer",
    "neuron",
    "activation",
    "contribution",
    "component",
    "cosine",
)


def parts_table(found: Sequence[Contributions]) -> Table:
    """A row for every part of every model, from the bottom up; together they are the logit.

    Returns:
        `PART_COLUMNS`; parts outside the layers have no layer.
    """
    return Table(PART_COLUMNS, [row for each in found for row in _parts(each)])


def _parts(found: Contributions) -> Iterator[tuple[Cell, ...]]:
    for own, centred in zip(found.direct.rows(), found.centred.rows(), strict=True):
        yield found.model, own[0], own[1], _shortest(own[2]), _shortest(centred[2])


def pair_table(base: Contributions, tuned: Contributions) -> Table:
    """A row for every part, both models beside each other; they are `built_alike`.

    Returns:
        `PAIR_COLUMNS`; the difference is tuned minus base.
    """
    rows: list[tuple[Cell, ...]] = []
    direct = zip(base.direct.rows(), tuned.direct.rows(), strict=True)
    centred = zip(base.centred.rows(), tuned.centred.rows(), strict=True)
    for ((layer, part, first), (*_, second)), each in zip(direct, centred, strict=True):
        values = (first, second, second - first, *(value for *_, value in each))
        rows.append((layer, part, *map(_shortest, values)))
    return Table(PAIR_COLUMNS, rows)


def built_alike(base: Contributions, tuned: Contributions) -> bool:
    """Whether the parts of two models can stand beside each other, one by one."""
    return [row[:2] for row in base.direct.rows()] == [row[:2] for row in tuned.direct.rows()]


def words_table(found: Sequence[Contributions]) -> Table:
    """A row for every head and token that it attends to; a head's rows are what it adds.

    Returns:
        `WORD_COLUMNS`; `source` is the token's number, prompt first, then the response. Layers
        whose words are not known have no rows.
    """
    return Table(WORD_COLUMNS, [row for each in found for row in _words(each)])


def _words(found: Contributions) -> Iterator[tuple[Cell, ...]]:
    texts = found.source_texts
    for layer, head, source in zip(*np.nonzero(~np.isnan(found.words)), strict=True):
        value = shortest(found.words[layer, head, source])
        yield found.model, int(layer), int(head), int(source), texts[source], value


def heads_table(found: Sequence[Contributions], words: Sequence[Span]) -> Table:
    """A row for every head: what it adds by attending to some words of the prompt.

    Args:
        found: One result or more, of one prompt.
        words: Characters of the prompt; tokens that begin in them count.

    Returns:
        `WORD_COLUMNS`, by falling |contribution| for each model; `source` is the first token.
    """
    rows: list[tuple[Cell, ...]] = []
    for each in found:
        sources = tokens_in(each.prompt_tokens, words)
        if not sources:
            continue
        text = "".join(each.prompt_tokens.texts[source] for source in sources)
        added = each.words[:, :, sources].sum(axis=2)
        at = [place for place in np.ndindex(*added.shape) if not np.isnan(added[place])]
        at.sort(key=lambda place: -abs(float(added[place])))
        rows += (
            (each.model, *map(int, place), sources[0], text, shortest(added[place])) for place in at
        )
    return Table(WORD_COLUMNS, rows)


def tokens_in(tokens: Tokens, words: Collection[Span]) -> list[int]:
    """The prompt tokens that share characters with some spans, white space apart."""
    found = []
    for number, (span, text) in enumerate(zip(tokens.spans, tokens.texts, strict=True)):
        if span is None or not text.strip():
            continue
        start = span[0] + len(text) - len(text.lstrip())
        if any(start < end and begin < span[1] for begin, end in words):
            found.append(number)
    return found


def neurons_table(found: Sequence[Contributions]) -> Table:
    """A row for every neuron listed, by falling |contribution| in each layer.

    Returns:
        `NEURON_COLUMNS`; `activation` is what enters the down projection, `component` the principal
        component nearest to the neuron's direction and `cosine` theirs, empty if not asked.
    """
    return Table(NEURON_COLUMNS, [row for each in found for row in _neurons(each)])


def _neurons(found: Contributions) -> Iterator[tuple[Cell, ...]]:
    for layer, rank in zip(*np.nonzero(found.neurons >= 0), strict=True):
        at = layer, rank
        component = int(found.components[at])
        yield (
            found.model,
            int(layer),
            int(found.neurons[at]),
            shortest(found.activations[at]),
            shortest(found.neuron_contributions[at]),
            component if component >= 0 else None,
            shortest(found.cosines[at]),
        )


def as_json(found: Sequence[Contributions]) -> bytes:
    """Everything that is known of the contributions, an object a model, as indented JSON."""
    return msgspec.json.format(msgspec.json.encode([_record(each) for each in found])) + b"\n"


def _record(found: Contributions) -> dict[str, Any]:
    tables = {
        "parts": parts_table([found]),
        "words": words_table([found]),
        "neurons": neurons_table([found]),
    }
    return {
        "model": found.model,
        "device": found.device,
        "dtype": found.dtype,
        "seconds": round(found.seconds, 3),
        "notes": found.notes,
        "prompt": found.prompt,
        "position": found.position,
        "tokens": found.source_texts,
        "token": {"id": found.token, "text": found.token_text},
        "rival": None if found.rival is None else {"id": found.rival, "text": found.rival_text},
        "logit": found.logit,
        "capped_logit": found.capped_logit,
        "left_over": found.left_over,
        "log_p": found.log_p,
        "entropy": found.entropy,
        **{
            name: [dict(zip(table.columns[1:], row[1:], strict=True)) for row in table]
            for name, table in tables.items()
        },
    }


def _shortest(value: float) -> float:
    """The shortest digits that give the same float32 back."""
    return float(str(np.float32(value)))
