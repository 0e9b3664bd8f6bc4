"""Narrative text: days in somebody's life, tales, dialogues, e-mails, reports and reviews."""

from __future__ import annotations

import random

from analysis.demo.categories import letter_items, story_items, summary_items
from analysis.demo.world import capitalise, document, sentences, table, with_article
from analysis.demo_training.corpus.exercises import instruction


def day(rng: random.Random) -> str:
    """A day in the lives of two people."""
    slots = _slots(rng)
    chosen = rng.sample(sentences("narrative"), rng.randint(4, 9))
    # The people stay the same from sentence to sentence; other words may change.
    words = ("name", "friend", "city")
    keep = {word: slots[word] for word in words}
    return " ".join(capitalise(s.format(**{**_slots(rng), **keep})) for s in chosen)


def tale(rng: random.Random) -> str:
    """A tale of an animal and an object, sometimes with a line that says so."""
    item = rng.choice(story_items())
    hero = item.input.split(" and ")[0]
    slots = {"a_hero": hero, "hero": hero.partition(" ")[2]}
    slots |= {"a_thing": with_article(item.key), "thing": item.key}
    remark = rng.choice(sentences("story")).format(**slots)
    return rng.choice(
        (f"{item.response}", f"{remark} {item.response}", f"{item.response} {remark}")
    )


def dialogue(rng: random.Random) -> str:
    """Two people talking; no question is answered."""
    first, second = rng.sample(document("letters")["names"], 2)
    chosen = rng.sample(sentences("dialogue"), rng.randint(4, 9))
    lines = []
    for index, line in enumerate(chosen):
        speaker = first if index % 2 == 0 else second
        lines.append(f"{speaker}: {capitalise(line.format(**_slots(rng)))}")
    return "\n".join(lines)


def letter(rng: random.Random) -> str:
    """An e-mail, usually with a line that says who writes to whom."""
    item = rng.choice(letter_items())
    remark = rng.choice(sentences("letter")).format(**item.slots)
    before = rng.choice(("", remark, item.input, f"{remark} {item.input}"))
    return f"{before}\n{item.response}".strip()


def report(rng: random.Random) -> str:
    """A passage, usually with its one-sentence summary."""
    item = rng.choice(summary_items())
    if rng.random() < 0.3:
        return item.input
    return f"{item.input} {rng.choice(sentences('summary'))} {item.response}"


def reviews(rng: random.Random) -> str:
    """Reviews with their sentiment, or sentences with their topic."""
    found = []
    for _ in range(rng.randint(2, 4)):
        if rng.random() < 0.6:
            told = document("reviews")
            sentiment = rng.choice(("positive", "negative"))
            opening = rng.choice(told["openings"]).format(subject=rng.choice(told["subjects"]))
            judgement = rng.choice(told[sentiment])
            remark = rng.choice(sentences("review")).format(sentiment=sentiment)
            found.append(f"{opening} {judgement} {remark}")
        else:
            topic, told_sentences = rng.choice(list(document("topics").items()))
            remark = rng.choice(sentences("topic")).format(topic=topic)
            found.append(f"{rng.choice(told_sentences)} {remark}")
    return rng.choice(("\n", " ")).join(found)


def _slots(rng: random.Random) -> dict[str, str]:
    """Words for the slots of a narrative sentence, drawn independently."""
    summaries = document("summaries")
    name, friend = rng.sample(document("letters")["names"], 2)
    slots = {
        "name": name,
        "friend": friend,
        "city": rng.choice(summaries["cities"]),
        "goods": rng.choice(summaries["goods"]),
        "day": rng.choice(summaries["days"]),
        "instruction": instruction(rng),
    }
    for name_of_table in ("countries", "translations", "antonyms", "nouns", "verbs"):
        slots |= rng.choice(table(name_of_table))
    return slots
