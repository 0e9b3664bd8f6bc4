"""Lists and code-like text: tables of words and countries, sums, one-line Python."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from analysis.demo.categories import python_items, sum_items
from analysis.demo.world import Row, sentences, table
from analysis.demo_training.corpus.exposition import french_pairs


def list_of_facts(rng: random.Random) -> str:
    """A headed list of one kind of fact, one line each."""
    heading, name, columns = rng.choice(COLUMNS)
    rows = [row for row in table(name) if all(row[column] for column in columns)]
    separator = rng.choice((" - ", ", ", " : ", " / "))
    chosen = rng.sample(rows, min(rng.randint(5, 14), len(rows)))
    lines = [separator.join(FORMS.get(c, _cell(c))(row) for c in columns) for row in chosen]
    return "\n".join([heading, *lines])


def phrase_book(rng: random.Random) -> str:
    """A page of a phrase book: short English sentences, each with its French one."""
    chosen = rng.sample(french_pairs(), rng.randint(4, 9))
    heading = rng.choice(("English and French", "Useful sentences", "Unit 3", "At home"))
    separator = rng.choice((" - ", " = ", " / "))
    return "\n".join([heading, *(f"{english}.{separator}{french}." for english, french in chosen)])


def sums(rng: random.Random) -> str:
    """A column of sums with their results."""
    chosen = rng.sample(sum_items(), rng.randint(8, 16))
    return rng.choice(("\n", ", ", "; ")).join(item.response for item in chosen)


def code(rng: random.Random) -> str:
    """Lines of Python with comments that say what they do."""
    chosen = rng.sample(python_items(), rng.randint(3, 7))
    form = rng.choice(sentences("python"))
    return "\n".join(form.format(description=item.input, line=item.response) for item in chosen)


def _cell(column: str) -> Callable[[Row], str]:
    return lambda row: row[column]


FORMS: dict[str, Callable[[Row], str]] = {"participle": lambda row: "had " + row["participle"]}
"""Columns whose form in a list differs from the stored one."""

COLUMNS: Sequence[tuple[str, str, tuple[str, ...]]] = (
    ("Countries and their capitals", "countries", ("country", "capital")),
    ("Countries and continents", "countries", ("country", "continent")),
    ("Countries and languages", "countries", ("country", "language")),
    ("Countries and religions", "countries", ("country", "religion")),
    ("Places and continents", "places", ("place", "continent")),
    ("Places and religions", "places", ("place", "religion")),
    ("People and their languages", "people", ("name", "language")),
    ("People and their religions", "people", ("name", "religion")),
    ("People and their work", "people", ("name", "occupation")),
    (
        "English, French, Spanish, Italian",
        "translations",
        ("english", "french", "spanish", "italian"),
    ),
    ("English and French", "translations", ("english", "french")),
    ("English and Spanish", "translations", ("english", "spanish")),
    ("English and Italian", "translations", ("english", "italian")),
    ("French and English", "translations", ("french", "english")),
    ("Spanish and English", "translations", ("spanish", "english")),
    ("Italian and English", "translations", ("italian", "english")),
    ("Opposites", "antonyms", ("adjective", "antonym")),
    ("Antonyms", "antonyms", ("antonym", "adjective")),
    ("Singular and plural", "nouns", ("singular", "plural")),
    ("Plural and singular", "nouns", ("plural", "singular")),
    ("Verbs and their forms", "verbs", ("present", "gerund", "past", "participle")),
    ("Present and gerund", "verbs", ("present", "gerund")),
    ("Present and past simple", "verbs", ("present", "past")),
    ("Present and past perfect", "verbs", ("present", "participle")),
)
