"""Who and what a document is about: its people, place and day, and the words of its sentences."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping

from analysis.demo.world import capitalise, document, table, with_article
from analysis.demo_training.corpus import exposition

PRONOUNS = {
    True: {"he": "she", "him": "her", "his": "her", "woman": "woman"},
    False: {"he": "he", "him": "him", "his": "his", "woman": "man"},
}
"""The forms that stand for {name}, by whether that is a woman."""

WORDS = ("animal", "object", "relative", "month", "hour", "colour", "tall")
"""Slots whose words `world/words.toml` lists under the same name."""

TABLES = {
    column: name
    for name, columns in {
        "translations": ("english", "french", "spanish", "italian"),
        "antonyms": ("adjective", "antonym"),
        "nouns": ("singular", "plural"),
        "verbs": ("present", "gerund", "past", "participle"),
    }.items()
    for column in columns
}
"""Slots that are columns of a table, with the table's name."""


PRONOUN = re.compile(r"\{(?:[Hh]e|him|[Hh]is)\}")

Draw = Callable[["Cast"], str]


class Cast:
    """The people, place, day and country of a document; they stay the same from first to last.

    `draws` gives further slots, filled anew in every sentence (a fact, an instruction).
    """

    def __init__(self, rng: random.Random, draws: Mapping[str, Draw] | None = None) -> None:
        self.rng = rng
        self.draws = draws or {}
        self.introduced = False
        summaries, names = document("summaries"), document("letters")["names"]
        words = document("words")
        name, friend, third = rng.sample(names, 3)
        self.kept: dict[str, str] = {
            "name": name,
            "friend": friend,
            "third": third,
            "city": rng.choice(summaries["cities"]),
            "day": rng.choice(summaries["days"]),
            "a_job": with_article(rng.choice(words["job"])),
            **{word: rng.choice(words[word]) for word in WORDS},
            **PRONOUNS[name in words["women"]],
            **exposition.slots(rng, "country"),
        }
        self.kept |= {
            capitalise(pronoun): capitalise(self.kept[pronoun]) for pronoun in ("he", "his")
        }

    def say(self, template: str, **slots: str) -> str:
        """The sentence of a template, beginning with a capital letter.

        The document's first pronoun becomes the name, unless the name has been told before.
        """
        if not self.introduced and "{name}" not in template:
            template = PRONOUN.sub(_name_instead, template, count=1)
        self.introduced |= "{name}" in template
        return capitalise(template.format_map(_Sentence(self, slots)))

    def exchange(self, templates: Iterable[str]) -> list[str]:
        """Sentences that speak of the same things: a word drawn for one serves the others."""
        slots = _Sentence(self, {})
        return [capitalise(template.format_map(slots)) for template in templates]


def _name_instead(pronoun: re.Match[str]) -> str:
    return "{name}'s" if "is}" in pronoun.group() else "{name}"


class _Sentence(dict[str, str]):
    """The slots of one sentence; those that the cast does not keep are drawn when needed."""

    def __init__(self, cast: Cast, slots: dict[str, str]) -> None:
        super().__init__(cast.kept | slots)
        self.cast = cast

    def __missing__(self, slot: str) -> str:
        rng = self.cast.rng
        if slot == "goods":
            self[slot] = rng.choice(document("summaries")["goods"])
        elif slot == "food":
            self[slot] = rng.choice(document("words")["food"])
        elif slot in TABLES:
            self.update(rng.choice(table(TABLES[slot])))
        else:
            self[slot] = self.cast.draws[slot](self.cast)
        return self[slot]
