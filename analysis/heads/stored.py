"""Word pairs of a pair of models in a folder, for studies without models.

The folder ``heads`` holds ``heads.json``, which names the models, base first, and says how word
pairs were counted, and ``pairs_MODEL.jsonl`` of each: a line a head, layer by layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal, get_args

import msgspec
import numpy as np

from analysis.files.json_lines import broken, entries, indexed, write_entries
from analysis.heads.result import HeadPairs
from analysis.problems import problem

FOLDER = "heads"
_INDEX = "heads.json"
_FILES = (
    f"Stored word pairs are {_INDEX} and pairs_MODEL.jsonl of each model, in a folder {FOLDER}."
)

Counting = Literal["forms", "merged"]
COUNTINGS: tuple[Counting, ...] = get_args(Counting)
"""How neuron pairs are counted: of each form of a word pair, or with a=b, b=a and A=B as one."""


class StoredHead(msgspec.Struct, frozen=True):
    """The word pairs of a head: query's words, key's words, and how many neuron pairs found each.

    Those of one neuron pair alone are left out; counts fall. `neuron_pairs` is d.
    """

    layer: int
    head: int
    neuron_pairs: int
    query: list[str]
    key: list[str]
    count: list[int]


class _Index(msgspec.Struct, frozen=True):
    models: tuple[str, str]
    counting: Counting
    origin: str = ""


@dataclass(frozen=True)
class StoredHeads:
    """The heads of base and tuned model; the same layers in the same order.

    Attributes:
        models: Their names.
        counting: How neuron pairs were counted.
        origin: Where the word pairs come from, in words.
        base: The layers of the base model.
        tuned: Those of the tuned model.
    """

    models: tuple[str, str]
    counting: Counting
    origin: str
    base: tuple[HeadPairs, ...]
    tuned: tuple[HeadPairs, ...]


def write_index(folder: Path, models: tuple[str, str], counting: Counting, origin: str) -> None:
    """Say what a folder holds; raises OSError."""
    (folder / _INDEX).write_bytes(msgspec.json.encode(_Index(models, counting, origin)))


def write_heads(folder: Path, model: str, heads: Iterable[StoredHead]) -> None:
    """Write a model's heads, by layer and head; raises OSError."""
    write_entries(_path(folder, model), heads)


def open_heads(folder: Path) -> StoredHeads:
    """The word pairs that are stored in a folder, or in its subfolder ``heads``.

    Raises:
        ProblemError: ``storage``, naming file and line, when it holds none or is broken.
    """
    place, index = indexed(folder, Path(FOLDER, _INDEX), _Index, "word pairs", _FILES)
    base, tuned = (tuple(_layers(_path(place, name), name)) for name in index.models)
    shapes = [[(each.layer, each.heads) for each in side] for side in (base, tuned)]
    if not base or shapes[0] != shapes[1]:
        raise problem("storage", f"The models in {place} have not the same layers and heads.")
    return StoredHeads(index.models, index.counting, index.origin, base, tuned)


def _path(folder: Path, model: str) -> Path:
    return folder / f"pairs_{model}.jsonl"


def _layers(path: Path, model: str) -> Iterator[HeadPairs]:
    for layer, lines in groupby(entries(path, StoredHead, _FILES), lambda line: line[2].layer):
        heads: list[StoredHead] = []
        for number, _, each in lines:
            if each.head != len(heads) or layer < 0:
                raise broken(path, number, f"Head {len(heads)} of layer {layer} should be here.")
            if not len(each.query) == len(each.key) == len(each.count):
                raise broken(path, number, "Words and counts are not as many.")
            if any(
                before < after for before, after in zip(each.count, each.count[1:], strict=False)
            ):
                raise broken(path, number, "Its counts do not fall.")
            heads.append(each)
        yield of_layer(model, heads)


def of_layer(model: str, heads: Sequence[StoredHead]) -> HeadPairs:
    """The heads of one layer, in order, as a result of the analysis."""
    places: dict[str, int] = {}
    sides = [
        np.array(
            [places.setdefault(word, len(places)) for each in heads for word in words(each)],
            dtype=np.int32,
        )
        for words in (_queries, _keys)
    ]
    return HeadPairs(
        model=model,
        layer=heads[0].layer,
        heads=len(heads),
        words=tuple(places),
        first=sides[0],
        second=sides[1],
        count=np.array([count for each in heads for count in each.count], dtype=np.int32),
        starts=np.cumsum([0, *(len(each.count) for each in heads)], dtype=np.int64),
        neuron_pairs=heads[0].neuron_pairs,
        vocabulary=0,
        notes=(),
        seconds=0.0,
    )


def _queries(head: StoredHead) -> list[str]:
    return head.query


def _keys(head: StoredHead) -> list[str]:
    return head.key
