"""Expository text: sentences that state the facts of the closed world."""

from __future__ import annotations

import random
from collections.abc import Callable

from analysis.demo.categories import sum_items
from analysis.demo.world import Row, capitalise, sentences, table, with_article

FactWriter = Callable[[random.Random, int], list[str]]


def about_one_thing(rng: random.Random) -> str:
    """A paragraph about one country, place, person, word or verb."""
    write = rng.choices(list(SUBJECTS), weights=list(SUBJECTS.values()))[0]
    return " ".join(write(rng, rng.randint(3, 6)))


def about_many_things(rng: random.Random) -> str:
    """A paragraph of unconnected facts."""
    writers = rng.choices(list(SUBJECTS), weights=list(SUBJECTS.values()), k=rng.randint(3, 7))
    return " ".join(write(rng, 1)[0] for write in writers)


def state(rng: random.Random, templates: list[str], row: Row, count: int) -> list[str]:
    """`count` different sentences about one row; fewer if there are not enough templates."""
    chosen = rng.sample(templates, min(count, len(templates)))
    return [capitalise(template.format(**row)) for template in chosen]


def country(rng: random.Random, count: int) -> list[str]:
    row = rng.choice(table("countries"))
    templates = list(sentences("country"))
    if row["religion"]:
        templates += sentences("country_religion")
    return state(rng, templates, row, count)


def place(rng: random.Random, count: int) -> list[str]:
    """Sentences about a city, a river, a mountain."""
    row = rng.choice(table("places"))
    templates = list(sentences("place"))
    if row["religion"]:
        templates += sentences("place_religion")
    return state(rng, templates, {**row, "Place": capitalise(row["place"])}, count)


def person(rng: random.Random, count: int) -> list[str]:
    row = rng.choice(table("people"))
    templates = list(sentences("person"))
    if row["religion"]:
        templates += sentences("person_religion") * 2
    return state(rng, templates, {**row, "an_occupation": with_article(row["occupation"])}, count)


def translation(rng: random.Random, count: int) -> list[str]:
    """Sentences about a word in four languages."""
    return state(rng, sentences("translation"), rng.choice(table("translations")), count)


def antonym(rng: random.Random, count: int) -> list[str]:
    """Sentences about an adjective and its opposite, either way round."""
    row = rng.choice(table("antonyms"))
    if rng.random() < 0.5:
        row = {"adjective": row["antonym"], "antonym": row["adjective"]}
    return state(rng, sentences("antonym"), row, count)


def noun(rng: random.Random, count: int) -> list[str]:
    """Sentences about a noun and its plural."""
    row = rng.choice(table("nouns"))
    article = capitalise(with_article(row["singular"]))
    return state(rng, sentences("noun"), {**row, "A_singular": article}, count)


def verb(rng: random.Random, count: int) -> list[str]:
    """Sentences about a verb and its forms."""
    return state(rng, sentences("verb"), rng.choice(table("verbs")), count)


def common_knowledge(rng: random.Random, count: int) -> list[str]:
    """Answers to the questions of general knowledge, as plain statements."""
    return [row["answer"] for row in rng.sample(table("facts"), count)]


def sum_in_words(rng: random.Random, count: int) -> list[str]:
    """Small sums within sentences."""
    found = []
    for item in rng.sample(sum_items(), count):
        result = item.response.rpartition("= ")[2]
        template = rng.choice(sentences("sum"))
        found.append(template.format(sum=item.input, result=result))
    return found


SUBJECTS: dict[FactWriter, float] = {
    country: 0.22,
    place: 0.07,
    person: 0.17,
    translation: 0.22,
    antonym: 0.08,
    noun: 0.07,
    verb: 0.10,
    common_knowledge: 0.06,
    sum_in_words: 0.01,
}
"""Topics of a paragraph, with their shares."""
