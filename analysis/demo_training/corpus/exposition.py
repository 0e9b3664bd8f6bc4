"""Expository text: sentences that state the facts of the closed world."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

from analysis.demo.categories import french_items, sum_items
from analysis.demo.world import Row, capitalise, sentences, table, with_article

FactWriter = Callable[[random.Random, int], list[str]]


def about_one_thing(rng: random.Random) -> str:
    """A paragraph about one country, place, person, word or verb."""
    return " ".join(_writer(rng)(rng, rng.randint(4, 8)))


def about_many_things(rng: random.Random) -> str:
    """A paragraph of unconnected facts."""
    return " ".join(_writer(rng)(rng, 1)[0] for _ in range(rng.randint(4, 8)))


def entry(rng: random.Random) -> str:
    """An entry of an encyclopedia: a heading, and below it what is to be known."""
    subject, heading = rng.choice((("country", "country"), ("person", "name"), ("place", "place")))
    row = slots(rng, subject)
    separator = rng.choice(("\n", "\n\n", ". "))
    about = " ".join(state(rng, subject, row, rng.randint(3, 7)))
    return separator.join((capitalise(row[heading]), about))


def fact(rng: random.Random) -> str:
    """One sentence that states a fact which people tell each other."""
    write = rng.choice((country, place, person, common_knowledge))
    return write(rng, 1)[0]


def state(rng: random.Random, subject: str, row: Row, count: int) -> list[str]:
    """`count` different sentences about one row; fewer if there are not enough templates."""
    templates = list(sentences(subject))
    if row.get("religion"):
        templates += rng.sample(sentences(f"{subject}_religion"), 3)
    chosen = rng.sample(templates, min(count, len(templates)))
    return [capitalise(template.format(**row)) for template in chosen]


def slots(rng: random.Random, subject: str) -> Row:
    """A row of the table of a subject, with the forms of its cells that sentences need."""
    row = rng.choice(table(TABLES[subject]))
    match subject:
        case "country" if row["country"] in WITH_ARTICLE:
            return {**row, "country": f"the {row['country']}"}
        case "place":
            many = row["kind"] == "mountain range"
            verbs = {"is": "are", "lies": "lie", "belongs": "belong"}
            agreeing = {one: plural if many else one for one, plural in verbs.items()}
            return {**row, **agreeing, "Place": capitalise(row["place"])}
        case "person":
            return {**row, "an_occupation": with_article(row["occupation"])}
        case "antonym" if rng.random() < 0.5:
            return {"adjective": row["antonym"], "antonym": row["adjective"]}
        case "noun":
            return {**row, "A_singular": capitalise(with_article(row["singular"]))}
        case _:
            return row


def _about(subject: str) -> FactWriter:
    """Writes sentences about one row of the subject's table."""
    return lambda rng, count: state(rng, subject, slots(rng, subject), count)


def common_knowledge(rng: random.Random, count: int) -> list[str]:
    """Answers to the questions of general knowledge, sometimes with what else is known."""
    found = []
    for row in rng.sample(table("facts"), count):
        more = row.get("more")
        found.append(f"{row['answer']} {more}" if more and rng.random() < 0.5 else row["answer"])
    return found


def sum_in_words(rng: random.Random, count: int) -> list[str]:
    """Small sums within sentences."""
    found = []
    for item in rng.sample(sum_items(), count):
        result = item.response.rpartition("= ")[2]
        template = rng.choice(sentences("sum"))
        found.append(template.format(sum=item.input, result=result))
    return found


def french_sentence(rng: random.Random, count: int) -> list[str]:
    """Short English sentences with their French ones."""
    return [
        rng.choice(sentences("french_sentence")).format(english=english, french=french)
        for english, french in rng.sample(french_pairs(), count)
    ]


@cache
def french_pairs() -> tuple[tuple[str, str], ...]:
    """Sentences such as "The house is big" in English and French; an item joins two of them."""
    pairs = ((item.input.split(", ")[0], item.response.split(", ")[0]) for item in french_items())
    return tuple(dict.fromkeys(pairs))


def _writer(rng: random.Random) -> FactWriter:
    return rng.choices(list(SUBJECTS), weights=list(SUBJECTS.values()))[0]


WITH_ARTICLE = ("Philippines",)
"""Countries whose name takes an article in a sentence."""

TABLES = {
    "country": "countries",
    "place": "places",
    "person": "people",
    "translation": "translations",
    "antonym": "antonyms",
    "noun": "nouns",
    "verb": "verbs",
}
"""The subjects that have a table, with its name."""

country, place, person = _about("country"), _about("place"), _about("person")

SUBJECTS: dict[FactWriter, float] = {
    country: 0.18,
    place: 0.07,
    person: 0.15,
    _about("translation"): 0.19,
    _about("antonym"): 0.08,
    _about("noun"): 0.08,
    _about("verb"): 0.13,
    common_knowledge: 0.06,
    french_sentence: 0.05,
    sum_in_words: 0.01,
}
"""Topics of a paragraph, with their shares."""
