"""Tables 7 to 10 of the paper: description words that tuning makes more or less frequent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from analysis.concepts.annotation.annotation import Annotation
from analysis.concepts.annotation.by_layer import LAYER_GROUPS, layer_groups
from analysis.table import Cell, Table

SHORTEST_WORD = 5
FEWEST_TIMES = 3
MOST_CHANGED = 10

COLUMNS = (
    "first_layer",
    "last_layer",
    "change",
    "word",
    "base_count",
    "tuned_count",
    "base_percent",
    "tuned_percent",
    "rank_change",
)

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")

# Function words with five letters or more: a closed class, so a list suffices.
_GRAMMAR = """
about above according across after again against almost along already although always among
amongst another anybody anyone anything around because become becomes been before behind being
below beneath beside besides between beyond cannot concerning could despite different doing
during either enough especially every everybody everyone everything except following further
furthermore given hence herself himself however include including inside instead itself likely
mainly maybe might mostly myself neither never nobody nothing often other others otherwise ought
ourselves outside perhaps quite rather regarding related relating seems several shall should
since someone something sometimes somewhere still their theirs themselves there therefore these
those though through throughout together toward towards under unless until upon using usually
various versus where whereas whether which while whose within without would yours yourself
yourselves
"""
_STOP_WORDS = frozenset(_GRAMMAR.split())

_IRREGULAR = {
    "analyses": "analysis",
    "bonuses": "bonus",
    "calories": "calorie",
    "children": "child",
    "cookies": "cookie",
    "crises": "crisis",
    "criteria": "criterion",
    "emphases": "emphasis",
    "halves": "half",
    "hypotheses": "hypothesis",
    "indices": "index",
    "knives": "knife",
    "leaves": "leaf",
    "matrices": "matrix",
    "movies": "movie",
    "parentheses": "parenthesis",
    "phenomena": "phenomenon",
    "shelves": "shelf",
    "statuses": "status",
    "theses": "thesis",
    "thieves": "thief",
    "vertices": "vertex",
    "viruses": "virus",
    "wolves": "wolf",
    "women": "woman",
}
_SINGULAR_IN_S = re.compile(r"(?:ss|us|is|ics|series|species|always|means|lens|canvas|news|bias)$")


def lemma(word: str) -> str:
    """The singular of an English noun, in lower case; other words unchanged.

    The paper's tables contain "describing" and "manipulating" as well as "process" and "behavior",
    so they undo plurals but not verb forms. In a compound only the last part changes.
    """
    head, hyphen, last = word.lower().rpartition("-")
    return f"{head}{hyphen}{_singular(last)}"


def _singular(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < SHORTEST_WORD or not word.endswith("s") or _SINGULAR_IN_S.search(word):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("sses", "xes", "shes", "tches", "zzes")) and word != "axes":
        return word[:-2]
    return word[:-1]


def content_words(description: str) -> list[str]:
    """The lemmas of a description's content words: five letters or more, no stop words.

    Words are runs of letters, hyphens and apostrophes inside them included.
    """
    found = [word.lower() for word in _WORD.findall(description)]
    lemmas = [lemma(word) for word in found if word not in _STOP_WORDS]
    return [word for word in lemmas if len(word) >= SHORTEST_WORD and word not in _STOP_WORDS]


def word_shifts(
    annotations: Sequence[Annotation],
    base: str,
    tuned: str,
    *,
    groups: int = LAYER_GROUPS,
    most: int = MOST_CHANGED,
) -> Table:
    """Tables 7 to 10: the words whose frequency changes most with tuning, by groups of layers.

    A frequency is a word's share of all content words in a model's descriptions of these layers, so
    a model with more descriptions does not seem to use every word more. Only words that both models
    together use more than twice count.

    Args:
        annotations: Of both models, all repeats.
        base: Name of the base model in their subjects.
        tuned: Name of the tuned model.
        groups: Number of groups of layers.
        most: Maximum number of rising, and of falling, words per group.

    Returns:
        `COLUMNS`: layers from 0, inclusive; "rises" or "falls"; percent of content words; number of
        frequency ranks that the word climbs, None if one model lacks it.
    """
    rows: list[tuple[Cell, ...]] = []
    for layers in layer_groups(annotations, groups):
        counts = [_count(annotations, model, layers) for model in (base, tuned)]
        totals = [max(1, each.total()) for each in counts]
        ranks = [_ranks(each) for each in counts]
        changes = {
            word: counts[1][word] / totals[1] - counts[0][word] / totals[0]
            for word in counts[0] | counts[1]
            if counts[0][word] + counts[1][word] >= FEWEST_TIMES
        }
        for name, sign in (("rises", 1), ("falls", -1)):
            moved = [word for word, change in changes.items() if sign * change > 0]
            moved.sort(key=lambda word: (-abs(changes[word]), word))
            for word in moved[:most]:
                before, after = (each.get(word) for each in ranks)
                climbed = None if before is None or after is None else before - after
                percents = [100 * counts[side][word] / totals[side] for side in (0, 1)]
                rows.append(
                    (
                        layers[0],
                        layers[-1],
                        name,
                        word,
                        counts[0][word],
                        counts[1][word],
                        *percents,
                        climbed,
                    )
                )
    return Table(COLUMNS, rows)


def _count(annotations: Sequence[Annotation], model: str, layers: Sequence[int]) -> Counter[str]:
    return Counter(
        word
        for each in annotations
        if each.subject.model == model and each.subject.layer in layers and each.description
        for word in content_words(each.description)
    )


def _ranks(counts: Counter[str]) -> dict[str, int]:
    """Ranks by falling frequency, from 0; equally frequent words share the first of their ranks."""
    places: dict[str, int] = {}
    previous, place = -1, 0
    for number, (word, count) in enumerate(counts.most_common()):
        if count != previous:
            previous, place = count, number
        places[word] = place
    return places
