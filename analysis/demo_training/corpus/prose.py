"""Prose as in a book: days, descriptions, conversations, and what follows on a bare question."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from analysis.demo.world import document, sentences
from analysis.demo_training.corpus import exposition, prompts
from analysis.demo_training.corpus.cast import Cast

TAGGED = (0.8, 0.5, 0.1)
"""How often the first, the second and each later remark says who speaks."""

Phases = Mapping[str, Sequence[str]]


def day(rng: random.Random) -> str:
    """A day in the lives of two people, sometimes with a conversation in it."""
    cast = new_cast(rng)
    phases = _any(rng, "days")
    told = [cast.say(rng.choice(phases["open"])), *_middle(cast, phases, 3, 6)]
    if rng.random() < 0.35:
        told.append(_spoken(cast, rng.choice(document("dialogues")["exchanges"])))
    told.append(cast.say(rng.choice(phases["end"])))
    return " ".join(told)


def description(rng: random.Random) -> str:
    """A place, a room, a person, the weather or an animal, described."""
    return _passage(rng, "descriptions")


def note(rng: random.Random) -> str:
    """A page of a diary, a letter, a piece of news, an old tale."""
    return _passage(rng, "notes")


def conversation(rng: random.Random) -> str:
    """Two people talking, with their words in quotes, as in a novel; a paragraph a speaker."""
    cast = new_cast(rng)
    told = document("dialogues")
    separator = rng.choice((" ", "\n", "\n\n"))
    parts = [cast.say(rng.choice(told["openings"]))]
    for exchange in rng.sample(told["exchanges"], rng.randint(1, 3)):
        parts.append(_spoken(cast, exchange, separator))
        if rng.random() < 0.5:
            parts.append(cast.say(rng.choice(told["actions"])))
    if rng.random() < 0.7:
        parts.append(cast.say(rng.choice(told["endings"])))
    return separator.join(parts)


def script(rng: random.Random) -> str:
    """Two people talking, each line with the speaker's name before it, as in a play."""
    cast = new_cast(rng)
    lines: list[str] = []
    for exchange in rng.sample(document("dialogues")["exchanges"], rng.randint(2, 4)):
        for remark in cast.exchange(exchange):
            speaker = cast.kept["name" if len(lines) % 2 == 0 else "friend"]
            lines.append(f"{speaker}: {remark}")
    return "\n".join(lines)


def scene_after_a_prompt(rng: random.Random) -> str:
    """A bare question or task, and the scene in which it was said; nobody answers it."""
    cast = new_cast(rng)
    phases = _any(rng, "days")
    prompt = prompts.raw_prompt(rng)
    # A text may go on in the same line, but not behind a lone word such as "jour".
    separator = rng.choice((" ", "\n", "\n\n") if prompt[-1] in ".?!:" else ("\n", "\n\n"))
    first = cast.say(rng.choice(document("continuations")["after"]))
    rest = [cast.say(rng.choice(phases["open"]))] if rng.random() < 0.7 else []
    rest += _middle(cast, phases, 1, 4)
    if rng.random() < 0.3:
        rest.append(_spoken(cast, rng.choice(document("dialogues")["exchanges"])))
    if rng.random() < 0.5:
        rest.append(cast.say(rng.choice(phases["end"])))
    return separator.join((prompt, " ".join([first, *rest])))


def new_cast(rng: random.Random) -> Cast:
    """The cast of a document whose sentences may state facts and quote instructions."""
    return Cast(rng, {"fact": _fact, "instruction": lambda cast: prompts.quoted(cast.rng)})


def _fact(cast: Cast) -> str:
    """A fact, half of the time about the country of the document."""
    if cast.rng.random() < 0.5:
        return cast.say(cast.rng.choice(sentences("country")))
    return exposition.fact(cast.rng)


def _passage(rng: random.Random, name: str) -> str:
    """The three phases of one of the settings of `world/<name>.toml`."""
    cast = new_cast(rng)
    phases = _any(rng, name)
    told = [cast.say(rng.choice(phases["open"])), *_middle(cast, phases, 4, 7)]
    return " ".join([*told, cast.say(rng.choice(phases["end"]))])


def _any(rng: random.Random, name: str) -> Phases:
    """One of the settings of `world/<name>.toml`, in its phases."""
    phases: Phases = rng.choice(list(document(name).values()))
    return phases


def _middle(cast: Cast, phases: Phases, fewest: int, most: int) -> list[str]:
    """Some of the middle sentences, in their order."""
    middle = phases["middle"]
    chosen = sorted(cast.rng.sample(range(len(middle)), cast.rng.randint(fewest, most)))
    return [cast.say(middle[index]) for index in chosen]


def _spoken(cast: Cast, exchange: Sequence[str], separator: str = " ") -> str:
    """Remarks in quotes; the first of each speaker usually says who speaks."""
    rng, tags = cast.rng, document("dialogues")["tags"]
    speakers = [cast.kept["name"], cast.kept["friend"]]
    rng.shuffle(speakers)
    parts = []
    for index, remark in enumerate(cast.exchange(exchange)):
        tag = ""
        if rng.random() < TAGGED[min(index, len(TAGGED) - 1)]:
            kind = "question" if remark.endswith("?") else "reply" if index else "statement"
            tag = " " + rng.choice(tags[kind]).format(speaker=speakers[index % 2]) + "."
        parts.append(f'"{_before_tag(remark) if tag else remark}"{tag}')
    return separator.join(parts)


def _before_tag(remark: str) -> str:
    """A remark that goes on with "said ...": its full stop becomes a comma."""
    return remark[:-1] + "," if remark.endswith(".") else remark
