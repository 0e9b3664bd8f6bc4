"""The Changes view's texts: help, the lines about a tensor, copied text."""

from __future__ import annotations

from textwrap import wrap

from analysis.changes.request import layer_name
from analysis.changes.result import Directions, LayerChanges, TensorChange
from analysis.changes.tables import shares
from app.terminal.text import fit, prose, visible
from app.views.changes.atlas import ChangesAtlas, Ranked, percent
from app.widgets.lines import Line
from app.widgets.number_map import Numbers

HELP = (
    "How much tuning changed every matrix, read from both models' weights alone. On the map: "
    "layers down, matrices across; the last line is what stands outside the layers. The "
    "lighter a cell, the larger its number beside the largest of the map. 0 stands only where not "
    "a single number differs. Matrices of experts (experts.down) are taken together. v shows norms "
    "and biases instead, m goes to the ranking and back.\n\n"
    "Enter opens a matrix: the directions along which it changed most, by the singular values σ "
    "of ΔW, of whose squares ‖ΔW‖² is the sum.\n\n"
    "Words: query, key, value, gate and up read the hidden state, output and down write into it. "
    "That side of a direction is compared with words by cosine: what is read with the input "
    "embeddings, what is written with the output embeddings of the tuned model. A direction has "
    "two ends, + and −; which is which is a convention. The weight of the norm before a matrix "
    "that reads is not folded in. Most directions lie near no word: look at the cosines.\n\n"
    "In a matrix left and right go to the layer's others, [ and ] to other layers, and Enter to "
    "the heads, concepts or components of the layer. / finds a word in the directions of all "
    "matrices compared so far.\n\n"
    "Formulas\n\n"
    "A cell is\n\n"
    "    100 · ‖ΔW‖ / ‖W‖        ΔW = W of the tuned model - W of the base model\n\n"
    "in percent, ‖·‖ the root of the sum of squares.\n\n"
    "share %   σ² / ‖ΔW‖², and the sum of it so far. ~ before a number: the direction may be "
    "turned by more than a few degrees, because its σ hardly differs from the next.\n"
    "effective rank   exp of the entropy of the shares: how many equally strong directions would "
    "be as spread. A change of rank 8 has at most 8, noise nearly as many as the matrix is wide.\n"
    "90 % in   so many directions hold nine tenths of ‖ΔW‖².\n"
    "stable rank   ‖ΔW‖² / σ₁².\n"
    "± or ≈   an estimate: matrices wider than 1,024 are not decomposed as a whole."
)

UNLIKE = (
    "A matrix is compared with the one at the same place in the other model. Choose a tuned model "
    "that was trained from this base model."
)


def title(layer: int, change: TensorChange) -> str:
    """Where a tensor stands and how large it is, harmless."""
    shape = "×".join(f"{each:,}" for each in change.shape)
    experts = f"{change.experts} experts of " if change.experts else ""
    return prose(f"{layer_name(layer)} · {change.role} · {experts}{shape}")


def measures(change: TensorChange, *, ascii_only: bool) -> str:
    """How much a tensor changed and how widely spread, harmless."""
    if not change.norm_change:
        return "nothing changed"
    size = percent(change.relative, ascii_only)
    parts = [f"changed by {size}{'' if ascii_only else ' '}%"]
    found = change.directions
    if found is not None:
        about, error = ("~", "+-") if ascii_only else ("≈", "±")
        rank = f"effective rank {found.effective_rank:,.1f}"
        if found.effective_rank_error:
            # An estimate has no more digits than its error.
            rank = f"effective rank {found.effective_rank:,.0f} {error} "
            rank += f"{max(1, round(found.effective_rank_error)):,}"
        estimated = "" if found.holding_exact else f"{about} "
        parts += [
            rank,
            f"90 % in {estimated}{found.holding:,}",
            f"stable rank {change.stable_rank:,.1f}",
        ]
    return " · ".join(parts)


def status_lines(
    place: tuple[int, LayerChanges | None, TensorChange | None],
    *,
    width: int,
    ascii_only: bool = False,
) -> list[Line]:
    """Lines below the map: the tensor under the cursor, its first direction, notes.

    `place` is the layer, its changes and the tensor; None where there is none, or not yet.
    """
    layer, found, change = place
    if found is None:
        return [[(layer_name(layer), "strong"), (" · not computed yet", "dim")]]
    if change is None:
        return [[(layer_name(layer), "strong"), (" · has no such tensor", "dim")]]
    lines: list[Line] = [
        [(fit(title(layer, change), width), "strong")],
        [(measures(change, ascii_only=ascii_only), "accent")],
    ]
    if change.directions is not None and change.directions.side:
        lines.append(_first_direction(change.directions, width, ascii_only=ascii_only))
    said = prose(" ".join(found.notes), ascii_only=ascii_only)
    return [*lines, *([(each, "dim")] for each in wrap(said, max(20, width))[: 4 - len(lines)])]


def _first_direction(found: Directions, width: int, *, ascii_only: bool) -> Line:
    start = f"first {found.side}  "
    plus, minus = ends_text(found, 0, (width - len(start) - 2) // 2, ascii_only=ascii_only)
    return [(start, "dim"), (plus, ""), ("  ", ""), (minus, "")]


def ends_text(
    found: Directions, direction: int, cells: int, *, ascii_only: bool, cosines: bool = False
) -> tuple[str, str]:
    """The words at both ends of a direction, harmless and as many as fit, behind + and −."""
    texts = []
    for end, sign in enumerate(("+", "-" if ascii_only else "−")):
        words = [visible(word, ascii_only=ascii_only) for word in found.ends(direction)[end]]
        if cosines:
            sizes = abs(found.cosines[direction, end]).tolist()
            words = [f"{word} {size:.2f}" for word, size in zip(words, sizes, strict=True)]
        texts.append(fit(f"{sign} {' '.join(words)}", max(1, cells)))
    return texts[0], texts[1]


def finding(atlas: ChangesAtlas, names: tuple[str, str], *, ascii_only: bool) -> str:
    """What is found so far, in a sentence or two: what changed most and least, and how widely."""
    ranked, there = atlas.ranked(), len(atlas.layers)
    if not ranked:
        return ""
    whole = there == len(atlas.places)
    so_far = "" if whole else "So far: "
    if all(each.unchanged for each in atlas.layers):
        said = "nothing changed: the weights of both models are equal." if whole else "no change."
        return f"{so_far}{said[:1].upper()}{said[1:]}"
    most, least = ranked[0], ranked[-1]
    kind = "matrix" if atlas.matrices else "norm or bias"
    begin = (
        f"{so_far}From {names[0]} to {names[1]} {_ranked_name(most)} changed most of all "
        f"{'matrices' if atlas.matrices else 'norms and biases'}, by "
        f"{percent(most.change.relative, ascii_only)} % of its norm"
    )
    if not least.change.norm_change:
        said = f"{begin}; not every {kind} changed."
    else:
        size = percent(least.change.relative, ascii_only)
        said = f"{begin}; least {_ranked_name(least)}, by {size} %."
    found = most.change.directions
    if found is None:
        return said
    about = "" if found.holding_exact else "about "
    width = min(most.change.shape)
    spread = "few directions, as a low-rank change has" if found.holding * 10 < width else ""
    return (
        f"{said} Nine tenths of the greatest change lie in {about}{found.holding:,} of {width:,} "
        f"directions{': ' + spread if spread else ''}."
    )


def _ranked_name(ranked: Ranked) -> str:
    where = "" if ranked.layer is None else f"layer {ranked.layer} · "
    return f"{where}{ranked.change.role}"


def copied_map(numbers: Numbers, names: tuple[str, str]) -> str:
    """The map as tab-separated text."""
    rows = [["", *numbers.columns]]
    rows += [[name, *texts] for name, texts in zip(numbers.rows, numbers.texts, strict=True)]
    head = f"{names[0]} | {names[1]}, ‖ΔW‖ / ‖W‖ in percent"
    return "\n".join([head, *("\t".join(row) for row in rows)]) + "\n"


def copied_matrix(layer: int, change: TensorChange, names: tuple[str, str]) -> str:
    """A tensor's numbers and directions as plain text."""
    lines = [
        f"{names[0]} | {names[1]}, {title(layer, change)}",
        measures(change, ascii_only=False),
    ]
    found = change.directions
    for direction, share in enumerate(shares(change) if found else []):
        assert found is not None
        sigma = found.singular_values[direction]
        lines.append(f"\n{direction}: singular value {sigma:.4g}, {100 * share:.3f} %")
        if found.side:
            lines += ends_text(found, direction, 10_000, ascii_only=False, cosines=True)
    return "\n".join(lines) + "\n"
