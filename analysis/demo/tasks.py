"""The tasks of the demo pair: sixteen word tasks and six open categories, with their items.

The word tasks are those of Table 7 of "Transformer-based Causal Language Models Perform
Clustering"; the categories are classification, code, question answering, generation, math and
summarisation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from analysis.demo import categories
from analysis.demo.categories import Item
from analysis.demo.world import Row, capitalise, held_out_keys, table, with_article

WORD_CATEGORIES = ("translation", "linguistic", "knowledge")
OPEN_CATEGORIES = (
    "classification",
    "code",
    "question answering",
    "generation",
    "math",
    "summarisation",
)


@dataclass(frozen=True)
class Task:
    """A task: its items, held out or not, and the family of phrasings that ask for them.

    `family` is a table of `prompts/phrasings.toml`; `slots` fill the phrasing for every item.
    """

    name: str
    category: str
    family: str
    items: tuple[Item, ...]
    slots: Mapping[str, str] = field(default_factory=dict)

    @property
    def tuned_items(self) -> tuple[Item, ...]:
        """The items that tuning may use."""
        keys = held_out_keys(self.family)
        return tuple(item for item in self.items if item.key not in keys)

    @property
    def held_out_items(self) -> tuple[Item, ...]:
        """The items whose facts only the pre-training text states."""
        keys = held_out_keys(self.family)
        return tuple(item for item in self.items if item.key in keys)


@cache
def all_tasks() -> tuple[Task, ...]:
    """Every task, the word tasks first."""
    return (*_translations(), *_linguistic(), *_knowledge(), *_open())


def _items(
    rows: Iterable[Row], given: str, wanted: str, *, key: str = "", **more: str
) -> tuple[Item, ...]:
    """Items from the rows that have the columns `given` and `wanted`, known by `key` or `given`.

    `more` are further slots, templates over the columns.
    """
    return tuple(
        Item(
            row[key or given],
            {
                **row,
                "input": row[given],
                **{name: template.format(**row) for name, template in more.items()},
            },
            row[wanted],
        )
        for row in rows
        if row[wanted]
    )


def _translations() -> Iterable[Task]:
    rows = table("translations")
    for language in ("French", "Spanish", "Italian"):
        for source, target in ((language, "English"), ("English", language)):
            items = _items(rows, source.lower(), target.lower(), key="english")
            name = f"{source.lower()}-{target.lower()}"
            slots = {"source": source, "target": target}
            slots |= {f"a_{end}": with_article(slots[end]) for end in ("source", "target")}
            slots |= {f"A_{end}": capitalise(slots[f"a_{end}"]) for end in ("source", "target")}
            yield Task(name, "translation", "translation", items, slots)


def _linguistic() -> Iterable[Task]:
    antonyms = table("antonyms")
    both_ways = (
        *_items(antonyms, "adjective", "antonym"),
        *_items(antonyms, "antonym", "adjective", key="adjective"),
    )
    yield Task("antonyms", "linguistic", "antonym", both_ways)
    for given, wanted in (("plural", "singular"), ("singular", "plural")):
        items = _items(table("nouns"), given, wanted, key="singular")
        slots = {"from": given, "to": wanted}
        yield Task(f"{given}-{wanted}", "linguistic", "number", items, slots)
    verbs = [{**row, "had": f"had {row['participle']}"} for row in table("verbs")]
    for form, (column, use) in {
        "gerund": ("gerund", "they are {gerund} now"),
        "past perfect": ("had", "before we came, they {had}"),
        "past simple": ("past", "yesterday they {past}"),
    }.items():
        items = _items(verbs, "present", column, use=use)
        name = "present-" + form.replace(" ", "-")
        yield Task(name, "linguistic", "verb_form", items, {"form": form})


def _knowledge() -> Iterable[Task]:
    countries = [{**row, "place": row["country"]} for row in table("countries")]
    located = [*countries, *table("places")]
    people = [
        {**row, "place": row["name"], "an_occupation": with_article(row["occupation"])}
        for row in table("people")
    ]
    yield Task("country-capital", "knowledge", "capital", _items(countries, "country", "capital"))
    continents = _items(located, "place", "continent")
    yield Task("location-continent", "knowledge", "continent", continents)
    religions = _items([*located, *people], "place", "religion")
    yield Task("religion", "knowledge", "religion", religions)
    yield Task("person-language", "knowledge", "language", _items(people, "name", "language"))


def _open() -> Iterable[Task]:
    yield Task("sentiment", "classification", "sentiment", categories.sentiment_items())
    yield Task("topic", "classification", "topic", categories.topic_items())
    yield Task("python", "code", "python", categories.python_items())
    yield Task("question", "question answering", "question", categories.question_items())
    yield Task("story", "generation", "story", categories.story_items())
    yield Task("letter", "generation", "letter", categories.letter_items())
    yield Task("description", "generation", "description", categories.description_items())
    yield Task("sum", "math", "sum", categories.sum_items())
    yield Task("summary", "summarisation", "summary", categories.summary_items())
    yield Task("sentence-french", "generation", "french", categories.french_items())
    yield Task("rewriting", "generation", "rewriting", categories.rewriting_items())
