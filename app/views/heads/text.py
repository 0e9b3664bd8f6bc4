"""The Heads view's texts: help, the lines below the map, copied text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from textwrap import wrap

from analysis.heads.changes import HeadComparison, WordPairChange
from analysis.heads.result import HeadPairs
from analysis.words.choice import Words, WordVectors
from app.terminal.text import pad, prose
from app.views.heads.page import STATUSES, count_text, pair_text
from app.widgets.lines import Line

HELP = (
    "What attention heads relate, read from their weights alone: no prompt, no text. Left, a cell "
    "for every head, layers down and heads across, the lighter the more tuning changed it; ╌ "
    "stands for a layer that is not computed yet. Right, the head under the cursor.\n\n"
    "A head's pairs are those that more than one of its neuron pairs finds; write=essay ×6 was "
    "found by six. pairs 852→688: so many in the base and in the tuned model. Pairs are compared "
    "in any order and case.\n\n"
    "Enter opens the head, Enter once more its neuron pairs; escape leads back. / finds a word in "
    "all heads computed so far, with the number of its pairs in each model, the largest difference "
    "first; n and N go on.\n\n"
    "Verbs (w): for a verb and a group of layers, of the heads whose number of pairs with the verb "
    "changed, the share where it rose. Shown are mean ± standard deviation over instruction verbs "
    "and over frequent general verbs, and p of Welch's two-sided t-test.\n\n"
    "Formulas\n\n"
    "A neuron pair of a head is column i of its W_q and of its W_k. For every word w, with E[w] "
    "the mean of its tokens' embeddings,\n\n"
    "    q_w = E[w] · W_q[:, i]        k_w = E[w] · W_k[:, i]\n\n"
    "the pre-attention norm folded into W_q and W_k where that is possible. The 100 words with the "
    "largest |q| are combined with the 100 words with the largest |k|. A pair a=b is kept when "
    "q_a · k_b > 0 and the words are alike in word vectors: cos(a, b) > max(θ_a, θ_b), "
    "θ_w = mean + 1.96 · deviation of the cosines of w with the 1,000 most frequent words.\n\n"
    "change   1 - |A ∩ B| / |A ∪ B| of the first 100 pairs A of the base and B of the tuned "
    "model. 0: the same pairs; 1: none in common.\n"
    "kept, gained, lost   among the first 100 of both models, of the tuned one only, of the base "
    "one only. ×3→×6: found by three neuron pairs before tuning and by six after it."
)


UNLIKE = (
    "A head is compared with the head at the same place in the other model. Choose a tuned "
    "model that was trained from this base model."
)


def words_text(words: Words) -> str:
    """The vocabulary, harmless."""
    text = {
        "english": "the most frequent English words",
        "demo": "the words of the demo's corpus",
        "tokens": "the model's own tokens",
        "file": prose(PurePath(words.path).name),
    }[words.source]
    return f"{text}, {words.limit:,} at most" if words.limit else text


def vectors_text(vectors: WordVectors) -> str:
    """The word vectors, harmless; says so if they are a stand-in."""
    if vectors.source == "embeddings":
        whose = "the model" if vectors.model is None else prose(vectors.model.name)
        return f"the input embeddings of {whose}, standing in for word vectors"
    if vectors.source == "demo":
        return "the demo's own word vectors"
    return prose(PurePath(vectors.path).name)


def status_lines(
    place: tuple[int, int],
    comparison: HeadComparison | None,
    pairs: tuple[HeadPairs, HeadPairs] | None,
    rests_on: str,
    *,
    width: int,
    ascii_only: bool = False,
    why_not: str = "",
) -> list[Line]:
    """Lines below the map: the head at (layer, head), its first changes, words and vectors.

    `rests_on` names the words and vectors; it wraps onto two lines if needed. `why_not` says why
    the layer has no heads.
    """
    layer, head = place
    if why_not:
        return [[(f"layer {layer}  ", "strong"), (f"left out: it {why_not}", "dim")]]
    title = (f"layer {layer} · head {head}  ", "strong")
    if pairs is not None and comparison is None:
        return [[title, (f"layer {layer} has {pairs[0].heads} heads", "dim")]]
    if comparison is None or pairs is None:
        return [[title, ("not computed yet", "dim")], [], *_wrapped(rests_on, width)]
    base, tuned = (int(each.starts[head + 1] - each.starts[head]) for each in pairs)
    values: Line = [
        title,
        (f"change {comparison.change:.2f}  ", "accent"),
        (f"pairs {base:,}{'->' if ascii_only else '→'}{tuned:,}  ", ""),
        ("  ".join(f"{each} {len(comparison.of(each))}" for each in STATUSES), "dim"),
    ]
    first: list[tuple[str, str]] = []
    for status, room in (("gained", width // 2), ("lost", width - width // 2)):
        of_status = [pair for pair in comparison.word_pairs if pair.status == status][:20]
        if of_status:
            listed = pad(_listed(of_status, ascii_only=ascii_only), max(0, room - len(status) - 3))
            first += ((f"{status} ", "dim"), (f"{listed}  ", ""))
    said = [prose(note, ascii_only=ascii_only) for note in all_notes(pairs)]
    return [values, first, *_wrapped(" · ".join([rests_on, *said]), width)]


def rests_on(words: Words, vectors: WordVectors) -> str:
    """What the word pairs are based on, harmless."""
    return (
        f"query–key, both read from W_q, W_k · alike by {vectors_text(vectors)} · "
        f"{words_text(words)}"
    )


def all_notes(pairs: Sequence[HeadPairs]) -> list[str]:
    """A layer's notes on both models, without duplicates."""
    notes = dict.fromkeys(note for each in pairs for note in each.notes)
    # `rests_on` says these already.
    return [note for note in notes if not note.startswith(("Words: ", "Vectors: "))]


def copied_text(
    place: tuple[int, int], comparison: HeadComparison, names: tuple[str, str], about: str
) -> str:
    """A head's word pairs as plain text, one per line."""
    layer, head = place
    parts = [
        f"{names[0]} | {names[1]}, layer {layer}, head {head}, change {comparison.change:.4f}",
        about,
    ]
    for status in STATUSES:
        pairs = comparison.of(status)
        parts.append(f"\n{status} ({len(pairs)})")
        parts.extend(f"{p.word_a}={p.word_b} {p.count_base} {p.count_tuned}" for p in pairs)
    return "\n".join(parts) + "\n"


def _wrapped(text: str, width: int) -> list[Line]:
    return [[(line, "dim")] for line in wrap(text, max(20, width), max_lines=2, placeholder=" …")]


def _listed(pairs: Sequence[WordPairChange], *, ascii_only: bool) -> str:
    return "  ".join(
        f"{pair_text(pair.word_a, pair.word_b, ascii_only=ascii_only)} "
        f"{count_text(pair, ascii_only=ascii_only)}"
        for pair in pairs
    )
