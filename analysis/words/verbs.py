"""Verbs: those that instructions begin with, and frequent ones to compare them with (Table 3).

The general verbs are found without a tagger: a word counts as a verb if its -ing form and its past
are each at least a fiftieth as frequent as the word itself, by wordfreq. Many of these are also
nouns (book, watch, light); nouns that are seldom verbs are left out (water, time, house), and a few
surnames and foreign words get in. Base forms only: "writes" does not count as "write".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import islice
from pathlib import Path

from analysis.words.words import words_from_file

_PUBLISHED = """
translate explain summarize retrieve revise generate describe classify create evaluate correct
develop identify analyze compose demonstrate interpret design solve follow clarify say help act
recommend estimate edit format repeat write give find make have tell output predict detect
"""
# Other verbs that request an answer and open instructions in the paper's published prompts.
_FILLED_UP = "provide suggest list answer convert rewrite compare"

INSTRUCTION_VERBS = (*_PUBLISHED.split(), *_FILLED_UP.split())
"""The verbs in the paper's published code, with others added to reach its count of 45."""

GENERAL_VERBS = 3000
"""Number of frequent verbs to compare them with."""

SHARE = 0.02
"""Minimum frequency of a verb's -ing form and past, relative to the verb."""

# Irregular pasts.
_WRITTEN = """
arise:arose awake:awoke be:was bear:bore beat:beat become:became begin:began bend:bent bet:bet
bind:bound bite:bit bleed:bled blow:blew break:broke breed:bred bring:brought broadcast:broadcast
build:built burn:burnt burst:burst buy:bought catch:caught choose:chose cling:clung come:came
cost:cost creep:crept cut:cut deal:dealt dig:dug do:did draw:drew dream:dreamt drink:drank
drive:drove eat:ate fall:fell feed:fed feel:felt fight:fought find:found flee:fled fling:flung
fly:flew forbid:forbade forecast:forecast foresee:foresaw forget:forgot forgive:forgave
freeze:froze get:got give:gave go:went grind:ground grow:grew hang:hung have:had hear:heard
hide:hid hit:hit hold:held hurt:hurt keep:kept kneel:knelt know:knew lay:laid lead:led lean:leant
leap:leapt learn:learnt leave:left lend:lent let:let lie:lay light:lit lose:lost make:made
mean:meant meet:met mislead:misled mistake:mistook misunderstand:misunderstood outdo:outdid
overcome:overcame overhear:overheard override:overrode oversee:oversaw overtake:overtook
overthrow:overthrew pay:paid prove:proved put:put quit:quit read:read rebuild:rebuilt reset:reset
rethink:rethought rewrite:rewrote rid:rid ride:rode ring:rang rise:rose run:ran say:said see:saw
seek:sought sell:sold send:sent set:set sew:sewed shake:shook shed:shed shine:shone shoot:shot
show:showed shrink:shrank shut:shut sing:sang sink:sank sit:sat sleep:slept slide:slid sling:slung
slit:slit smell:smelt sneak:snuck sow:sowed speak:spoke speed:sped spell:spelt spend:spent
spill:spilt spin:spun spit:spat split:split spoil:spoilt spread:spread spring:sprang stand:stood
steal:stole stick:stuck sting:stung stink:stank stride:strode strike:struck string:strung
strive:strove swear:swore sweep:swept swell:swelled swim:swam swing:swung take:took teach:taught
tear:tore tell:told think:thought throw:threw thrust:thrust tread:trod undergo:underwent
understand:understood undertake:undertook undo:undid uphold:upheld upset:upset wake:woke wear:wore
weave:wove weep:wept wet:wet win:won wind:wound withdraw:withdrew withhold:withheld
withstand:withstood wring:wrung write:wrote
"""
_IRREGULAR = dict(pair.split(":") for pair in _WRITTEN.split())

_VOWELS = frozenset("aeiou")


@cache
def general_verbs(
    count: int = GENERAL_VERBS, without: tuple[str, ...] = INSTRUCTION_VERBS
) -> tuple[str, ...]:
    """The `count` most frequent English verbs by wordfreq's ranks, without instruction verbs."""
    # Imported here because it is slow to load.
    from wordfreq import get_frequency_dict

    frequencies = get_frequency_dict("en")
    words = (word for word in frequencies if word.isascii() and word.isalpha() and len(word) > 1)
    # Break ties alphabetically.
    ranked = sorted(words, key=lambda word: (-frequencies[word], word))
    instructions = set(without)
    verbs = (word for word in ranked if word not in instructions and _is_verb(word, frequencies))
    return tuple(islice(verbs, count))


def verbs_from_file(path: Path) -> tuple[str, ...]:
    """The verbs of a user's list, in lower case; formats and errors as `words_from_file`."""
    return tuple(dict.fromkeys(word.casefold() for word in words_from_file(path).words))


def _is_verb(word: str, frequencies: Mapping[str, float]) -> bool:
    """Whether the -ing form and the past are frequent enough relative to the word."""
    least = SHARE * frequencies[word]
    pasts, gerunds = {_IRREGULAR.get(word, ""), *_pasts(word)}, _gerunds(word)
    return all(
        any(frequencies.get(form, 0) >= least for form in forms) for forms in (pasts, gerunds)
    )


def _pasts(word: str) -> set[str]:
    """Possible spellings of the regular past of a verb."""
    if word.endswith("e"):
        return {f"{word}d"}
    if word.endswith("y") and word[-2:-1] not in _VOWELS:
        return {f"{word[:-1]}ied"}
    return {f"{word}ed", *(f"{stem}ed" for stem in _doubled(word))}


def _gerunds(word: str) -> set[str]:
    """Possible spellings of the -ing form of a verb."""
    if word.endswith("ie"):
        return {f"{word[:-2]}ying"}
    if word.endswith("e") and word != "be" and word[-2:] not in {"ee", "oe", "ye"}:
        return {f"{word[:-1]}ing"}
    return {f"{word}ing", *(f"{stem}ing" for stem in _doubled(word))}


def _doubled(word: str) -> set[str]:
    """The stem with its last consonant doubled: stop, stopp; panic, panick."""
    if len(word) < 3 or word[-1] in "aeiouwxy" or word[-2] not in _VOWELS:
        return set()
    return {f"{word}k" if word[-1] == "c" else word + word[-1]}
