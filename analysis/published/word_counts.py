"""The published word pairs of heads in insttui's format, for Fig. 2 (heads) and Table 3.

A row of ``results/bilinear_interpret/bilinear_words.tsv`` is a neuron pair of a head, and ``TopK``
lists its word pairs. The file is published in pieces, cut anywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from analysis.events import Progress
from analysis.heads.stored import Counting, StoredHead, write_heads, write_index
from analysis.problems import problem
from analysis.published.lines import BadLineError, PublishedTable, Row, whole_number
from analysis.published.word_pairs import Pair, word_pairs
from analysis.session.drive import Asking

FOLDER = "results/bilinear_interpret"
FILE = "bilinear_words.tsv"
_PIECE = "bilinear_words_split.tsv"
_COLUMNS = ("Model", "Size", "Layer", "Type", "Head", "Dim", "Rank", "Score", "TopK")
_TYPE = "QK"
_ORIGIN = f"the published {FILE} of arXiv 2310.00492"

_Place = tuple[str, int, int]  # model, layer, head


class _Counts:
    """Counts word pairs, row by row; the rows of a head stand together."""

    def __init__(self, pair: tuple[str, str], counting: Counting) -> None:
        self.pair = pair
        self.heads: dict[_Place, StoredHead] = {}
        self.others: Counter[str] = Counter()
        self.read = self.unclear = 0
        self._merged = counting == "merged"
        self._sizes: dict[str, str] = {}
        self._place: _Place | None = None
        self._neurons: set[int] = set()
        self._counts: Counter[Pair] = Counter()

    def take(self, row: Row) -> None:
        """Count a row; raises BadLineError if it cannot be used."""
        model = row["Model"]
        if model not in self.pair:
            self.others[model] += 1
            return
        if row["Type"] != _TYPE:
            raise BadLineError(f"Its Type is {row['Type'][:40]!r}, and not {_TYPE}.")
        if row["Size"] != self._sizes.setdefault(model, row["Size"]):
            raise BadLineError(
                f"Two models are called {model}: it is of {row['Size']}, those before of "
                f"{self._sizes[model]}."
            )
        place = (model, whole_number(row, "Layer"), whole_number(row, "Head"))
        neuron = whole_number(row, "Dim")
        pairs, unclear = word_pairs(row["TopK"])
        if unclear and not pairs and "=" not in row["TopK"]:
            raise BadLineError("Its TopK has no word pairs.")
        if place != self._place:
            self.finish()
            if place in self.heads:
                raise BadLineError(
                    f"Layer {place[1]}, head {place[2]} of {model} came before: two runs are mixed."
                )
            self._place = place
        if neuron in self._neurons:
            raise BadLineError(f"Neuron pair {neuron} of this head came before.")
        self._neurons.add(neuron)
        self._counts.update(map(_merged, pairs) if self._merged else pairs)
        self.read += len(pairs)
        self.unclear += unclear

    def finish(self) -> None:
        """Keep what more than one neuron pair of the head found, the most frequent first."""
        if self._place is not None:
            kept = [each for each in self._counts.most_common() if each[1] > 1]
            self.heads[self._place] = StoredHead(
                *self._place[1:],
                len(self._neurons),
                [query for (query, _), _ in kept],
                [key for (_, key), _ in kept],
                [count for _, count in kept],
            )
        self._place, self._neurons, self._counts = None, set(), Counter()

    def of(self, model: str) -> dict[tuple[int, int], StoredHead]:
        """A model's heads by layer and head."""
        return {place[1:]: self.heads[place] for place in sorted(self.heads) if place[0] == model}


def import_pairs(
    source: Path, target: Path, pair: tuple[str, str], *, counting: Counting, skip: bool
) -> Asking[tuple[str, ...]]:
    """Write the word pairs of a pair of models.

    Args:
        source: The published repository's folder.
        target: An empty folder for the word pairs.
        pair: Base and tuned model as the column ``Model`` names them.
        counting: ``merged``: word pairs are unordered and case-folded before neuron pairs are
            counted, as in the published script; ``forms``: every form is counted apart, as in
            insttui's own results.
        skip: Leave out lines that cannot be used.

    Returns:
        Notes for the user.

    Raises:
        ProblemError: ``storage``, naming file and line, for what is damaged, incomplete, in another
            format or written by two runs; ``input`` for a model that is not there.
    """
    table = PublishedTable(FILE, pieces_of(source), _COLUMNS, skip)
    counts = _Counts(pair, counting)
    for number, row in table.rows():
        try:
            counts.take(row)
        except BadLineError as error:
            table.bad(number, str(error))
        if number % 1000 == 0:
            yield Progress("reading word pairs", number, None, "neuron pairs")
    counts.finish()
    heads = {model: counts.of(model) for model in pair}
    _check_whole(heads, counts.others, even=not table.skipped)
    target.mkdir(parents=True, exist_ok=True)
    for model, found in heads.items():
        write_heads(target, model, found.values())
    write_index(target, pair, counting, _ORIGIN)
    unclear = (
        f"Of {counts.read + counts.unclear:,} word pairs {counts.unclear:,} were left out: they "
        "hold = or | and can be read in more than one way."
    )
    return (*table.notes(), *([unclear] * (counts.unclear > 0)))


def pieces_of(source: Path) -> tuple[Path, ...]:
    """The file, or the pieces that it is published in; none if neither is there.

    Raises:
        ProblemError: ``storage`` if a piece between others is missing.
    """
    whole = source / FOLDER / FILE
    if whole.is_file():
        return (whole,)
    pieces = sorted((source / FOLDER).glob(f"{_PIECE}??"))
    for number, piece in enumerate(pieces):
        ending = chr(ord("a") + number // 26) + chr(ord("a") + number % 26)
        if piece.name != f"{_PIECE}{ending}":
            raise problem(
                "storage", f"{_PIECE}{ending} is missing in {piece.parent}.", "", "Fetch it too."
            )
    return tuple(pieces)


def _merged(pair: Pair) -> Pair:
    first, second = pair[0].casefold(), pair[1].casefold()
    return (first, second) if first <= second else (second, first)


def _check_whole(
    heads: dict[str, dict[tuple[int, int], StoredHead]], others: Iterable[str], *, even: bool
) -> None:
    """Raise ProblemError unless both models have every head, of one width if `even`."""
    for model, found in heads.items():
        if not found:
            there = ", ".join(sorted(others)) or "no other"
            raise problem(
                "input",
                f"{FILE} has no word pairs of {model}.",
                f"Of the models that are not asked for it has {there}.",
                "Name base and tuned model with --base and --tuned.",
            )
    everywhere = [place for found in heads.values() for place in found]
    layers, width = (max(each[side] for each in everywhere) + 1 for side in (0, 1))
    neurons = max(each.neuron_pairs for found in heads.values() for each in found.values())
    for model, found in heads.items():
        for layer, head in ((layer, head) for layer in range(layers) for head in range(width)):
            each = found.get((layer, head))
            if each is None or (even and each.neuron_pairs != neurons):
                missing = (
                    "is missing"
                    if each is None
                    else f"has {each.neuron_pairs} of {neurons} neuron pairs"
                )
                raise problem(
                    "storage",
                    f"{FILE} is incomplete.",
                    f"Layer {layer}, head {head} of {model} {missing}.",
                    "Fetch all of its pieces.",
                )
