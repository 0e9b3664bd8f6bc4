"""Annotations of a pair of models in a folder, for the study of concepts without models.

The folder ``concepts`` holds ``concepts.json``, which names base and tuned model and who described,
and ``annotations.jsonl``, an `Annotation` a line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from analysis.concepts.annotation.annotation import Annotation
from analysis.files.json_lines import broken, entries, indexed, write_entries

FOLDER = "concepts"
_INDEX = "concepts.json"
_LINES = "annotations.jsonl"
_FILES = f"Stored annotations are {_INDEX} and {_LINES}, in a folder {FOLDER}."


class _Index(msgspec.Struct, frozen=True):
    models: tuple[str, str]
    annotator: str
    components: int


@dataclass(frozen=True)
class StoredAnnotations:
    """What was said of the components of base and tuned model.

    Attributes:
        models: Their names.
        annotator: Who described.
        components: How many components both models have.
        annotations: At least one.
    """

    models: tuple[str, str]
    annotator: str
    components: int
    annotations: tuple[Annotation, ...]


def write_annotations(
    folder: Path,
    models: tuple[str, str],
    annotator: str,
    components: int,
    annotations: Iterable[Annotation],
) -> None:
    """Write a folder that `open_annotations` reads; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    write_entries(folder / _LINES, annotations)
    index = _Index(models, annotator, components)
    (folder / _INDEX).write_bytes(msgspec.json.encode(index))


def open_annotations(folder: Path) -> StoredAnnotations:
    """The annotations that are stored in a folder, or in its subfolder ``concepts``.

    Raises:
        ProblemError: ``storage``, naming file and line, when it holds none or is broken.
    """
    place, index = indexed(folder, Path(FOLDER, _INDEX), _Index, "annotations", _FILES)
    found = []
    for number, _, each in entries(place / _LINES, Annotation, _FILES):
        if each.subject.model not in index.models:
            raise broken(place / _LINES, number, f"{each.subject.model} is not one of the models.")
        found.append(each)
    if not found:
        raise broken(place / _LINES, None, "It is empty.")
    return StoredAnnotations(index.models, index.annotator, index.components, tuple(found))
