"""Ratings of responses: from a CSV file, or from a prompt's references.

A rating says how well one model's response follows a prompt: 1 to 4, the levels of the paper's
appendix B.1, 2 and more for followed.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from analysis.files.text import utf8
from analysis.problems import problem

Ratings: TypeAlias = Mapping[tuple[str, str], float]
"""(prompt's id, model's name) → rating above 0."""

BEST = 4
_COLUMNS = ("id", "model", "rating")
_SIDES = ("base", "tuned")
_EXACT, _PARTLY, _NOT = 4.0, 2.0, 1.0


def read_ratings(
    path: Path, models: Sequence[str], sides: Sequence[str] = _SIDES
) -> dict[tuple[str, str], float]:
    """The ratings of a CSV file with the columns ``id``, ``model`` and ``rating``.

    Args:
        path: The file, in UTF-8, or in UTF-16 with its mark. A rating that is empty or 0 means
            that nobody rated the response.
        models: The models' names, base before tuned.
        sides: What the file may call the first ones; along a training run, only ``base`` is clear.

    Raises:
        ProblemError: ``input``: the file cannot be read, lacks a column, rates another model, or
            has a rating that is none, or two of one response; the line is named.
    """
    try:
        text = utf8(path.read_bytes()).decode()
    except OSError as error:
        raise problem(
            "input", f"The ratings {path} cannot be read.", f"{error.strerror}."
        ) from None
    except UnicodeDecodeError as error:
        raise problem("input", f"{path} is broken.", f"{error}.", "Save it as UTF-8.") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise problem(
            "input",
            f"The ratings {path} lack the column {missing[0]!r}.",
            "",
            "A rating is a line with the columns id, model and rating.",
        )
    found: dict[tuple[str, str], float] = {}
    seen: set[tuple[str, str]] = set()
    for row in reader:
        where = f"The ratings {path} cannot be used in line {reader.line_num}."
        rating = _rating(row["rating"], where)
        named = (row["model"] or "").strip()
        model = dict(zip(sides, models, strict=False)).get(named, named)
        key = ((row["id"] or "").strip(), model)
        if model not in models:
            why = f"The models are {' and '.join(models)}, and it rates {named!r}."
            raise problem("input", where, why)
        if key in seen:
            raise problem("input", where, f"It rates {key[0]!r} of {model} a second time.")
        seen.add(key)
        if rating:
            found[key] = rating
    return found


def _rating(text: str | None, where: str) -> float:
    try:
        rating = float((text or "").strip() or 0)
    except ValueError:
        rating = math.nan
    if not 0 <= rating <= BEST:
        raise problem("input", where, f"{text!r} is no rating from 0 to {BEST}.")
    return rating


def by_reference(response: str, references: Sequence[str]) -> float:
    """A rating made of references: 4 if one is the response, 2 if one is in it as words, else 1.

    An empty reference is none.
    """
    said = response.strip()
    wanted = [each.strip() for each in references if each.strip()]
    if said in wanted:
        return _EXACT
    within = "|".join(map(re.escape, wanted))
    return _PARTLY if wanted and re.search(rf"(?<!\w)(?:{within})(?!\w)", said) else _NOT


def without_place(ratings: Ratings, ids: Sequence[str]) -> list[str]:
    """The rated prompts that are none of these, each once."""
    known = set(ids)
    return list(dict.fromkeys(case for case, _ in ratings if case not in known))
