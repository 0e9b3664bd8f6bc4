"""The tasks of the demo pair: sixteen word tasks and six open categories, with their items.

The word tasks are those of Table 7 of "Transformer-based Causal Language Models Perform
Clustering"; the categories are classification, code, question answering, generation, math and
summarisation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from analysis.demo import categories
from analysis.demo.categories import Item
from analysis.demo.world import held_out_keys, table

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


def _pairs(rows: Iterable[tuple[str, str, str]]) -> tuple[Item, ...]:
    """Items from (key, input, response) triples."""
    return tuple(Item(key, {"input": given}, response) for key, given, response in rows)


def _translations() -> Iterable[Task]:
    rows = table("translations")
    for language in ("French", "Spanish", "Italian"):
        column = language.lower()
        to_english = _pairs((row["english"], row[column], row["english"]) for row in rows)
        from_english = _pairs((row["english"], row["english"], row[column]) for row in rows)
        for source, target, items in (
            (language, "English", to_english),
            ("English", language, from_english),
        ):
            name = f"{source.lower()}-{target.lower()}"
            slots = {"source": source, "target": target}
            yield Task(name, "translation", "translation", items, slots)


def _linguistic() -> Iterable[Task]:
    antonyms = table("antonyms")
    both_ways = [
        *((row["adjective"], row["adjective"], row["antonym"]) for row in antonyms),
        *((row["adjective"], row["antonym"], row["adjective"]) for row in antonyms),
    ]
    yield Task("antonyms", "linguistic", "antonym", _pairs(both_ways))
    for given, wanted in (("plural", "singular"), ("singular", "plural")):
        items = _pairs((row["singular"], row[given], row[wanted]) for row in table("nouns"))
        slots = {"from": given, "to": wanted}
        yield Task(f"{given}-{wanted}", "linguistic", "number", items, slots)
    forms: dict[str, Callable[[Mapping[str, str]], str]] = {
        "gerund": lambda row: row["gerund"],
        "past perfect": lambda row: "had " + row["participle"],
        "past simple": lambda row: row["past"],
    }
    for form, inflect in forms.items():
        items = _pairs((row["present"], row["present"], inflect(row)) for row in table("verbs"))
        name = "present-" + form.replace(" ", "-")
        yield Task(name, "linguistic", "verb_form", items, {"form": form})


def _knowledge() -> Iterable[Task]:
    countries = table("countries")
    places = table("places")
    people = table("people")
    capitals = _pairs((row["country"], row["country"], row["capital"]) for row in countries)
    yield Task("country-capital", "knowledge", "capital", capitals)
    located = [(row["country"], row["continent"]) for row in countries]
    located += [(row["place"], row["continent"]) for row in places]
    continents = _pairs((place, place, continent) for place, continent in located)
    yield Task("location-continent", "knowledge", "continent", continents)
    believers = [(row["country"], row["religion"]) for row in countries]
    believers += [(row["place"], row["religion"]) for row in places]
    believers += [(row["name"], row["religion"]) for row in people]
    religions = _pairs((name, name, religion) for name, religion in believers if religion)
    yield Task("religion", "knowledge", "religion", religions)
    languages = _pairs((row["name"], row["name"], row["language"]) for row in people)
    yield Task("person-language", "knowledge", "language", languages)


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
