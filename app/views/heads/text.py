"""The Heads view's texts: help, what was found, the lines about a head, copied text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from textwrap import wrap

from rich.cells import cell_len

from analysis.heads.changes import HeadComparison, WordPairChange
from analysis.heads.result import HeadPairs
from analysis.heads.word_counts import WordHeads
from analysis.words.choice import Words, WordVectors
from app.terminal.text import fit, pad, prose, visible
from app.views.heads.layer import HeadSummary
from app.views.heads.page import STATUSES, count_text, pair_text
from app.widgets.lines import Line, Part, width_of
from app.widgets.scale import GAINED, LOST, sign_of

HELP = (
    "What attention heads relate, read from their weights alone: no prompt, no text. The heads are "
    "ranked by how much tuning changed them, from 0, the same word pairs, to 1, none in common. "
    "Their colours are spread over what is there, from the head that changed least to the one that "
    "changed most; the map shows the same, layers down and heads across, ╌ for a layer that is not "
    "computed yet. m goes to the map, to the words, and back.\n\n"
    "A head's pairs are those that more than one of its neuron pairs finds; write=essay ×6 was "
    "found by six. pairs 852→688: so many in the base and in the tuned model. Pairs are compared "
    "in any order and case. = kept, + gained and − lost are of the first 100 of either model.\n\n"
    "The words: how many heads relate each, that is have it in one of their first 100 pairs, the "
    "largest differences first. Enter lists a word's heads, and / those of any word, while it is "
    "typed, with the number of its pairs in each model, of all that a head has; n and N go on.\n\n"
    "Enter opens the head, Enter once more its neuron pairs; escape leads back. "
    "In the head, a lists the instructions that have both words of the pair under the cursor, by "
    "the head's largest attention weight from the last token of either word to a token of the "
    "other before it, in base and in tuned model; Enter runs one in the Saliency view.\n\n"
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


_MOST_WORDS, _WORD_CELLS = 20, 20
_WIDE = 100
"""Cells from which a line says whose first pairs are counted."""

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


def findings(
    ranked: Sequence[HeadSummary],
    words: Sequence[WordHeads],
    so_far: str,
    *,
    width: int,
    ascii_only: bool,
) -> list[Line]:
    """Three lines: which head changed most, and which words more heads relate now, and fewer.

    `ranked` and `words` are those of `HeadAtlas`; `so_far` says on how many layers it rests, if
    not on all.
    """
    if not ranked:
        return [[("No head is compared yet.", "dim")], [], []]
    most, least = ranked[0], ranked[-1]
    said: list[Part] = [("Tuning changed no head's first word pairs.", "strong")]
    if most.change:
        first = f"Tuning changed {_name(most)} most: {most.counts[0]} of its word pairs are new, "
        said = [(f"{first}{most.kept} kept.", "strong")]
        rest = f" {_name(least).capitalize()} changed least: {least.counts[0]} new, "
        rest += f"{least.kept} kept."
        if width_of(said) + cell_len(rest) + cell_len(so_far) <= width:
            said.append((rest, ""))
    lines: list[Line] = [[*said, (so_far, "dim")]]
    for style, which, named in (
        (GAINED, [each for each in words if each.difference > 0], "more heads relate"),
        (LOST, [each for each in words if each.difference < 0], "fewer heads relate"),
    ):
        lines.append(_words_line(style, which, named, width, ascii_only=ascii_only))
    return lines


def _name(head: HeadSummary) -> str:
    return f"layer {head.layer} · head {head.head}"


def _words_line(
    style: str, words: Sequence[WordHeads], named: str, width: int, *, ascii_only: bool
) -> Line:
    """As many words as fit, with their numbers of heads before and after tuning."""
    if not words:
        return []
    arrow = "->" if ascii_only else "→"
    line: list[Part] = [(f"{sign_of(style, ascii_only=ascii_only)} {named}  ", "dim")]
    for each in words[:_MOST_WORDS]:
        word = fit(visible(each.word, ascii_only=ascii_only), _WORD_CELLS)
        part = f"{word} {each.base}{arrow}{each.tuned}  "
        if width_of(line) + cell_len(part) > width:
            break
        line.append((part, style))
    return line


def status_lines(
    place: tuple[int, int],
    comparison: HeadComparison | None,
    pairs: tuple[HeadPairs, HeadPairs] | None,
    rests_on: str,
    *,
    width: int,
    listed: bool = True,
    ascii_only: bool = False,
    why_not: str = "",
) -> list[Line]:
    """Lines about the head at (layer, head): numbers, its first changes, words and vectors.

    There are as many whatever the head. `rests_on` names the words and vectors; it wraps onto two
    lines if needed. `listed` is whether changes are named; `why_not` says why the layer has no
    heads.
    """
    layer, head = place
    title = (f"layer {layer} · head {head}  ", "strong")
    if comparison is None or pairs is None:
        why = "not computed yet" if pairs is None else f"layer {layer} has {pairs[0].heads} heads"
        if why_not:
            title, why = (f"layer {layer}  ", "strong"), f"left out: it {why_not}"
        between: list[Line] = [[]] if listed else []
        return [[title, (why, "dim")], *between, *_wrapped(rests_on, width)]
    base, tuned = (int(each.starts[head + 1] - each.starts[head]) for each in pairs)
    wide = "  of the first 100 of either model  "
    values: list[Part] = [
        title,
        (f"change {comparison.change:.2f}  ", "accent"),
        (f"pairs {base:,}{'->' if ascii_only else '→'}{tuned:,}", ""),
        (wide if width >= _WIDE else "  first 100: ", "dim"),
    ]
    first: list[Part] = []
    shown = {"gained": width // 2, "lost": width - width // 2}
    for status, style in STATUSES.items():
        of_status = comparison.of(status)
        sign = sign_of(style, ascii_only=ascii_only)
        values.append((f"{sign} {len(of_status)}  ", style))
        if of_status and status in shown:
            text = _listed(of_status[:20], ascii_only=ascii_only)
            first.append((f"{sign} {pad(text, max(0, shown[status] - 4))}  ", style))
    said = [prose(note, ascii_only=ascii_only) for note in all_notes(pairs)]
    rest = _wrapped(" · ".join([rests_on, *said]), width)
    return [values, *([first] if listed else []), *rest]


def rests_on(words: Words, vectors: WordVectors) -> str:
    """What the word pairs are based on, harmless."""
    return (
        f"query=key, read from W_q and W_k · alike by {vectors_text(vectors)} · {words_text(words)}"
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
