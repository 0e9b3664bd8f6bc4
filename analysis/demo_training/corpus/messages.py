"""Short texts for somebody: tales, e-mails, reports with their summaries, reviews."""

from __future__ import annotations

import random

from analysis.demo.categories import letter_items, story_items, summary_items
from analysis.demo.world import document, sentences, with_article


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
