"""The items of the six open categories, built from the templates of the closed world.

Every response follows from its prompt alone (a plot from its object, an e-mail from its matter), so
exact match can measure instruction following in open tasks too.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from analysis.demo.world import capitalise, document, table, with_article

VARIABLES = (
    "names", "words", "total", "count", "items", "text", "result", "line", "data", "price",
    "numbers", "value", "x", "y", "first", "last", "left", "right", "letters", "answer",
)  # fmt: skip
SUMMARIES_PER_SCENE = 150
FRENCH_SENTENCES = 1500
FRENCH_SENTIMENT = {"positive": "positive", "negative": "négative"}
TOPICS = {
    "food": {"in_french": "de nourriture", "about": "somebody cooks, eats or drinks"},
    "sport": {"in_french": "de sport", "about": "somebody plays, runs or wins"},
    "travel": {"in_french": "de voyages", "about": "somebody is on a journey"},
    "weather": {"in_french": "du temps qu'il fait", "about": "there is sun, rain, wind or snow"},
    "music": {"in_french": "de musique", "about": "somebody plays or hears music"},
    "school": {"in_french": "de l'école", "about": "somebody teaches or learns"},
}
"""What answers say of a topic: in French, after "parle", and what happens in such sentences."""


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
            slots = {"judgement": judgement, "in_french": FRENCH_SENTIMENT[sentiment]}
            items.append(Item(judgement, {"input": judgement, **slots}, sentiment))
            for subject in reviews["subjects"]:
                for opening in reviews["openings"]:
                    text = f"{opening.format(subject=subject)} {judgement}"
                    items.append(Item(judgement, {"input": text, **slots}, sentiment))
    return tuple(items)


@cache
def topic_items() -> tuple[Item, ...]:
    """Sentences, labelled with their topic."""
    return tuple(
        Item(sentence, {"input": sentence, **TOPICS[topic]}, topic)
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
        Item(row["question"], {"input": row["question"], "more": row["more"]}, row["answer"])
        for row in table("facts")
    )


@cache
def story_items() -> tuple[Item, ...]:
    """Stories of a hero and an object; the object decides the plot."""
    stories, retold = document("stories"), document("retold")
    items = []
    for thing, plot in stories["plots"].items():
        for hero in stories["heroes"]:
            slots = {
                "input": f"{with_article(hero)} and {with_article(thing)}",
                "two_lines": tell(retold["poems"][thing], hero),
                "retold": tell(retold["brief"][thing], hero),
            }
            items.append(Item(thing, slots, tell(plot, hero)))
    return tuple(items)


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
        Item(row["country"], {**row, "input": row["country"]}, template.format(**row))
        for row in table("countries")
    )


@cache
def sum_items() -> tuple[Item, ...]:
    """Additions and subtractions up to twenty, and the small multiplication table."""
    sums = [(f"{a} + {b}", a + b) for a in range(1, 21) for b in range(1, 21)]
    sums += [(f"{a} - {b}", a - b) for a in range(1, 21) for b in range(1, a + 1)]
    sums += [(f"{a} * {b}", a * b) for a in range(1, 11) for b in range(1, 11)]
    return tuple(
        Item(
            term,
            {"input": term, "result": str(result), "working": steps(term)},
            f"{term} = {result}",
        )
        for term, result in sums
    )


def steps(term: str) -> str:
    """How one gets to the result of ``a + b``, ``a - b`` or ``a * b``: by way of the nearest ten.

    A product is spelled out as a sum.
    """
    a, sign, b = term.split()
    first, second = int(a), int(b)
    if sign == "*":
        fewer, more = sorted((first, second))
        return f"{' + '.join([str(more)] * fewer)} = {first * second}."
    result = first + second if sign == "+" else first - second
    # The ten on the way from the first number to the result, if there is one in between.
    ten = (first // 10 + 1) * 10 if sign == "+" else first // 10 * 10
    if not min(first, result) < ten < max(first, result):
        return f"Take {a} and {'add' if sign == '+' else 'take away'} {b}: {result}."
    rest = abs(result - ten)
    return f"First {a} {sign} {abs(ten - first)} = {ten}, then {ten} {sign} {rest} = {result}."


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
            passage = {**slots, "input": scene["passage"].format(**slots)}
            items.append(Item(scene["title"], passage, scene["summary"].format(**slots)))
    return tuple(items)


@cache
def french_items() -> tuple[Item, ...]:
    """English sentences about two things with their French ones; a fixed sample."""
    words = document("french")
    rng = random.Random(12)
    found: dict[str, Item] = {}
    while len(found) < FRENCH_SENTENCES:
        first, second = rng.sample(words["nouns"], 2)
        one, other = rng.sample(words["adjectives"], 2)
        joint, french_joint = rng.choice(words["joints"])
        english = f"The {first[0]} is {one[0]}, {joint} the {second[0]} is {other[0]}."
        french = (
            f"{capitalise(first[1])} est {_agreeing(one, first)}, "
            f"{french_joint} {second[1]} est {_agreeing(other, second)}."
        )
        key = f"{first[0]} {one[0]}"
        found[english] = Item(key, {"input": english}, french)
    return tuple(found.values())


def _agreeing(adjective: Sequence[str], noun: Sequence[str]) -> str:
    return adjective[2 if noun[2] == "f" else 1]


@cache
def rewriting_items() -> tuple[Item, ...]:
    """Statements about countries, places and people, to be made questions."""
    statements = [
        (row["country"], f"{row['capital']} is the capital of {row['country']}")
        for row in table("countries")
    ]
    statements += [
        (row["place"], f"{row['place']} is in {row['continent']}") for row in table("places")
    ]
    statements += [
        (row["name"], f"{row['name']} spoke {row['language']} as a child")
        for row in table("people")
    ]
    return tuple(
        Item(
            key,
            {"input": f"{capitalise(statement)}.", "statement": statement},
            f"Is it true that {statement}?",
        )
        for key, statement in statements
    )
