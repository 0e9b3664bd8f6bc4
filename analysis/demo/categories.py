"""The items of the six open categories, built from the templates of the closed world.

Every response follows from its prompt alone (a plot from its object, an e-mail from its matter), so
exact match can measure instruction following in open tasks too.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from analysis.demo.world import document, table, with_article

VARIABLES = (
    "names", "words", "total", "count", "items", "text", "result", "line", "data", "price",
    "numbers", "value", "x", "y", "first", "last", "left", "right", "letters", "answer",
)  # fmt: skip
SUMMARIES_PER_SCENE = 150


@dataclass(frozen=True)
class Item:
    """One thing that a task can ask for; `slots` fill the phrasing, `input` always among them.

    `key` decides whether the item is held out; items with the same fact share it.
    """

    key: str
    slots: Mapping[str, str]
    response: str

    @property
    def input(self) -> str:
        """What the instruction is about."""
        return self.slots["input"]


@cache
def sentiment_items() -> tuple[Item, ...]:
    """Reviews of one or two sentences, labelled positive or negative."""
    reviews = document("reviews")
    items = []
    for sentiment in ("positive", "negative"):
        for judgement in reviews[sentiment]:
            items.append(Item(judgement, {"input": judgement}, sentiment))
            for subject in reviews["subjects"]:
                for opening in reviews["openings"]:
                    text = f"{opening.format(subject=subject)} {judgement}"
                    items.append(Item(judgement, {"input": text}, sentiment))
    return tuple(items)


@cache
def topic_items() -> tuple[Item, ...]:
    """Sentences, labelled with their topic."""
    return tuple(
        Item(sentence, {"input": sentence}, topic)
        for topic, topic_sentences in document("topics").items()
        for sentence in topic_sentences
    )


@cache
def python_items() -> tuple[Item, ...]:
    """Descriptions of a line of Python, each over several variable names."""
    items = []
    for row in table("python"):
        for index, name in enumerate(VARIABLES):
            other = VARIABLES[(index + 7) % len(VARIABLES)]
            described = row["description"].format(a=name, b=other)
            line = row["line"].format(a=name, b=other)
            items.append(Item(row["description"], {"input": described}, line))
    return tuple(items)


@cache
def question_items() -> tuple[Item, ...]:
    """Questions of general knowledge with their answers."""
    return tuple(
        Item(row["question"], {"input": row["question"]}, row["answer"]) for row in table("facts")
    )


@cache
def story_items() -> tuple[Item, ...]:
    """Stories of a hero and an object; the object decides the plot."""
    stories = document("stories")
    return tuple(
        Item(
            thing,
            {"input": f"{with_article(hero)} and {with_article(thing)}"},
            tell(plot, hero),
        )
        for thing, plot in stories["plots"].items()
        for hero in stories["heroes"]
    )


def tell(plot: str, hero: str) -> str:
    """The plot with its hero, with the article before the hero adjusted."""
    with_articles = plot.replace("a {hero}", with_article(hero))
    return with_articles.replace("A {hero}", "A" + with_article(hero)[1:]).format(hero=hero)


@cache
def letter_items() -> tuple[Item, ...]:
    """E-mails between two people, each about a matter that the input states."""
    letters = document("letters")
    names = letters["names"]
    items = []
    for matter in letters["matters"]:
        for sender in names:
            for name in names:
                if name != sender:
                    slots = {"sender": sender, "name": name, "topic": matter["topic"]}
                    slots["input"] = matter["context"].format(**slots)
                    items.append(Item(matter["topic"], slots, write_letter(matter, slots)))
    return tuple(items)


def write_letter(matter: Mapping[str, str], slots: Mapping[str, str]) -> str:
    """The e-mail about a matter, from `slots["sender"]` to `slots["name"]`."""
    return f"Dear {slots['name']}, {matter['body']} Best wishes, {slots['sender']}"


@cache
def description_items() -> tuple[Item, ...]:
    """Countries, described in two sentences."""
    template = (
        "{country} is a country in {continent}. "
        "Its capital is {capital}, and its people speak {language}."
    )
    return tuple(
        Item(row["country"], {"input": row["country"]}, template.format(**row))
        for row in table("countries")
    )


@cache
def sum_items() -> tuple[Item, ...]:
    """Additions and subtractions up to twenty, and the small multiplication table."""
    sums = [(f"{a} + {b}", a + b) for a in range(1, 21) for b in range(1, 21)]
    sums += [(f"{a} - {b}", a - b) for a in range(1, 21) for b in range(1, a + 1)]
    sums += [(f"{a} * {b}", a * b) for a in range(1, 11) for b in range(1, 11)]
    return tuple(Item(term, {"input": term}, f"{term} = {result}") for term, result in sums)


@cache
def summary_items() -> tuple[Item, ...]:
    """Passages with a one-sentence summary; a fixed sample of names, cities and days per scene."""
    summaries = document("summaries")
    names = document("letters")["names"]
    rng = random.Random(11)
    items = []
    for scene in summaries["scenes"]:
        for _ in range(SUMMARIES_PER_SCENE):
            name, friend = rng.sample(names, 2)
            slots = {
                "name": name,
                "friend": friend,
                "city": rng.choice(summaries["cities"]),
                "goods": rng.choice(summaries["goods"]),
                "day": rng.choice(summaries["days"]),
            }
            passage = {"input": scene["passage"].format(**slots)}
            items.append(Item(scene["title"], passage, scene["summary"].format(**slots)))
    return tuple(items)
