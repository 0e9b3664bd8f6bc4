"""The closed world of the demo pair: plain-data tables of true facts, and templates.

Tables are tab-separated files with a header line; templates and lists are TOML.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

Row = Mapping[str, str]


@cache
def table(name: str) -> tuple[Row, ...]:
    """The rows of `world/<name>.tsv`, each a mapping from column to cell (empty if unknown)."""
    text = resources.files(__name__).joinpath(f"{name}.tsv").read_text(encoding="utf-8")
    reader = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(reader)


@cache
def document(name: str) -> Mapping[str, Any]:
    """The content of `world/<name>.toml`."""
    text = resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def sentences(kind: str) -> list[str]:
    """The sentence templates of one kind, from `world/sentences.toml`."""
    templates: list[str] = document("sentences")[kind]
    return templates


@cache
def held_out_keys(family: str) -> frozenset[str]:
    """Keys of a phrasing family's items whose facts only the pre-training text states."""
    return frozenset(document("held_out")[family])


def capitalise(text: str) -> str:
    """`text` with its first letter in upper case and the rest unchanged."""
    return text[:1].upper() + text[1:]


def with_article(noun: str) -> str:
    """`noun` with an indefinite article chosen by its first letter: "an owl", "a fox"."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
