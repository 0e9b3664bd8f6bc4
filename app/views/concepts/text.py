"""The Concepts view's texts: help, the lines above and below the list, copied text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest

import numpy as np
from rich.cells import cell_len

from analysis.concepts.changes import component_words, mean_angle
from analysis.concepts.result import Components, LayerConcepts
from analysis.concepts.tables import Description, Descriptions
from analysis.servers.endpoint import HOW_TO_ADD_ONE
from app.terminal.colours import Palette
from app.terminal.model_marks import marked
from app.terminal.text import fit, pad, prose, visible
from app.views.concepts.atlas import ConceptRow
from app.views.concepts.component_list import find_description, signed_words
from app.widgets.lines import Line, Part, width_of
from app.widgets.scale import GAINED, KEPT, LOST, Span, scale_line, sign_of, signs_line

HELP = (
    "What the feed-forward network of a layer writes, read from its weights alone. A line is a "
    "principal component of the base model ○ and the component of the tuned model ● that matches "
    "it best, those first that turned farthest; 90° is as far as can be. Colours are spread over "
    "the layer's angles. = kept: words of both components; + gained: of the tuned one only; "
    "− lost: of the base one only. Beside or below, the component under the cursor; o sorts "
    "otherwise. Layers, experts and components count from 0.\n\n"
    "Components of nearly the same variance mix easily, so that those of small var % turn far "
    "even where little has changed. A large angle says most of the first components.\n\n"
    "Left and right choose the layer. / finds a word in all layers computed so far, with its place "
    "among the words of a component and its cosine there; Enter goes there, n and N go on. p goes "
    "through the plots, t shows the numbers behind one; those of the words by layer name the words "
    "that all components of a layer together gained and lost.\n\n"
    "Formulas\n\n"
    "The rows of the down projection W_p [D_ff, D] are the patterns that a layer's neurons add to "
    "the hidden state. Less their mean, they are W̃; the components are the eigenvectors v_r of\n\n"
    "    C = W̃ᵀ W̃        var % = 100 · λ_r / Σ λ\n\n"
    "by falling λ_r, 300 at most. A component's words are the 15 with the largest\n\n"
    "    | cos(v_r, E[w]) |\n\n"
    "E[w] the mean of the output embeddings of w's tokens. A minus stands before words whose "
    "cosine is negative: they lie on the other side of the direction. Which side is the positive "
    "one is a convention, so that all signs may differ between two components that match.\n\n"
    "angle   between matched components, 0° to 90°, arccos |v · v'|. They are matched one to one "
    "so that the sum of |v · v'| is largest. Two random directions of a large model are close to "
    "90° apart, but matched ones are nearer however little they have to do with each other: the "
    "study of concepts says how far apart unrelated components of these models would be.\n"
    "subspaces   principal angles between the spaces that the components of base and tuned model "
    "span: 0° where tuning only turned components into each other, as it must where they span "
    "the whole space.\n"
    "kept, gained, lost   words of both components, of the tuned one only, of the base one only.\n"
    "description, scenarios, level   what a language model says of the words: what they have in "
    "common, what that is of use for, and whether it is phonology, morphology, syntax or "
    f"semantics. {HOW_TO_ADD_ONE} Then run insttui concepts --annotate."
)

_NOT_DESCRIBED = "No descriptions: insttui concepts --annotate writes some (? says how)."


UNLIKE = (
    "The components of a layer are compared with those of the same layer in the other model. "
    "Choose a tuned model that was trained from this base model."
)


def headline(angles: Mapping[int, float], so_far: str, width: int) -> Line:
    """Which layer turned most and which least, by their mean angles in degrees.

    `so_far` says on how many layers it rests, if not on all.
    """
    if not angles:
        return [("No layer is compared yet.", "dim")]
    most, least = max(angles, key=angles.__getitem__), min(angles, key=angles.__getitem__)
    said: list[Part] = [
        (f"Tuning turned layer {most} most: its components by {angles[most]:.1f}°", "strong")
    ]
    for rest in (
        f" on average, those of layer {least} least, by {angles[least]:.1f}°; "
        "the study of concepts says how far apart unrelated ones would be.",
        f" on average, those of layer {least} least, by {angles[least]:.1f}°.",
        " on average.",
        ".",
    ):
        if width_of(said) + cell_len(rest) + cell_len(so_far) <= width:
            said.append((rest, ""))
            break
    return [*said, (so_far, "dim")]


def legend(layer: LayerConcepts | None, palette: Palette, *, ascii_only: bool) -> Line:
    """What the colours of angles and the signs of words say."""
    if layer is None or not np.isfinite(layer.angles).any():
        return []
    span = Span.of([layer.angles])
    low, high = f"turned {span.lowest:.1f}°", f"{span.highest:.1f}°   "
    scale = scale_line(palette, low, high, ascii_only=ascii_only)
    return [*scale, *signs_line(ascii_only=ascii_only)]


def summary(
    number: int,
    expert: int,
    layer: LayerConcepts | None,
    dimensions: int,
    width: int,
    why_not: str = "",
) -> Line:
    """The line above the list: the layer, its explained variance, how far components turned.

    Expert -1 is a dense model; `dimensions` is D, the width of the model; `why_not` says why the
    layer has no network. A shorter wording is used if the long one does not fit.
    """
    where = f"layer {number}" + (f" · expert {expert}" if expert >= 0 else "")
    if layer is None:
        missing = f"left out: it {why_not}" if why_not else "not computed yet"
        return [(where, "strong"), (f" · {missing}", "dim")]
    count = len(layer.base.explained_variance)
    shares = [f"{100 * each.explained_variance.sum():.0f}" for each in (layer.base, layer.tuned)]
    share = "→".join(dict.fromkeys(shares))
    angle = mean_angle(layer)
    components = "" if angle is None else f"{angle:.1f}°"
    if count >= dimensions or not len(layer.subspace_angles):
        long = f"together they span the whole space · each turned by {components} on average"
        short = f"turned by {components} on average"
    else:
        subspaces = f"{layer.subspace_angles.mean():.1f}°"
        long = f"subspaces turned by {subspaces} on average, components by {components}"
        short = f"subspaces turned by {subspaces}"
    wordings = (
        f" · {share} % of the variance in {count} components · {long}",
        f" · {share} % of the variance in {count} components · {short}",
        f" · {share} % in {count} components · {short}",
    )
    room = width - cell_len(where)
    wording = next((each for each in wordings if cell_len(each) <= room), wordings[-1])
    return [(where, "strong"), (wording, "")]


def details(
    layer: LayerConcepts | None,
    row: ConceptRow | None,
    descriptions: Descriptions | None,
    notes: Sequence[str],
    *,
    width: int,
    height: int,
    ascii_only: bool = False,
) -> list[Line]:
    """The lines below the list: the row under the cursor, and notes on all rows.

    A line for the words kept, gained and lost each, as many as fit.
    """
    if layer is None or row is None:
        return []
    lines: list[Line] = [_numbers(layer, row)]
    for style, name, words in _groups(row):
        sign = sign_of(style, ascii_only=ascii_only)
        parts: list[Part] = [(f"{sign} {name} {len(words)}:", style)]
        parts += ((visible(word, ascii_only=ascii_only), style) for word in words)
        lines += _flow(parts, width, 1)
    rest = _rest(layer, row, descriptions, notes, width, ascii_only)
    return [*lines, *rest(height - len(lines))]


def details_beside(
    layer: LayerConcepts | None,
    row: ConceptRow | None,
    descriptions: Descriptions | None,
    notes: Sequence[str],
    *,
    width: int,
    ascii_only: bool = False,
) -> list[Line]:
    """The lines beside the list: the words of both components with their cosines."""
    if layer is None or row is None:
        return []
    half = (width - 2) // 2
    words = (
        _words(layer.base, row.base, LOST, row.kept, half, ascii_only),
        _words(layer.tuned, row.tuned, GAINED, row.kept, half, ascii_only),
    )
    lines: list[Line] = [_numbers(layer, row, short=True), []]
    counts: list[Part] = []
    for style, name, of_group in _groups(row):
        sign = sign_of(style, ascii_only=ascii_only)
        counts.append((f"{sign} {name} {len(of_group)}  ", style))
    lines += [counts, []]
    heads = [
        pad(marked(side, name, ascii_only=ascii_only), half + 2)
        for side, name in enumerate(("base", "tuned"))
    ]
    lines.append([(heads[0], "strong"), (heads[1], "strong")])
    for base, tuned in zip_longest(*words, fillvalue=(" " * half, "")):
        lines.append([base, ("  ", ""), tuned])
    return [*lines, [], *_rest(layer, row, descriptions, notes, width, ascii_only)(12)]


def _groups(row: ConceptRow) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(KEPT, "kept", row.kept), (GAINED, "gained", row.gained), (LOST, "lost", row.lost)]


def _words(
    side: Components,
    component: int | None,
    changed: str,
    kept: Sequence[str],
    width: int,
    ascii_only: bool,
) -> list[Part]:
    """A component's words with their cosines, a line each; in the style `changed` if not kept."""
    if component is None:
        return [(pad("no match", width), "dim")]
    measures = side.measures[component].tolist()
    parts: list[Part] = []
    for word, measure in zip(component_words(side, component), measures, strict=True):
        style = KEPT if word in kept else changed
        sign = sign_of(style, ascii_only=ascii_only)
        text = pad(visible(word, ascii_only=ascii_only), max(4, width - 8))
        parts.append((pad(f"{sign} {text}{measure:+.2f}", width), style))
    return parts


def _rest(
    layer: LayerConcepts,
    row: ConceptRow,
    descriptions: Descriptions | None,
    notes: Sequence[str],
    width: int,
    ascii_only: bool,
) -> Callable[[int], list[Line]]:
    """Descriptions, or that there are none, and notes: on so many lines."""
    said = [*dict.fromkeys([*layer.notes, *notes])]
    described: list[Line] = []
    if descriptions is None:
        said.insert(0, _NOT_DESCRIBED)
    else:
        described = _described(layer, row, descriptions, width, ascii_only)
    rests = prose(" ".join(said), ascii_only=ascii_only).split(" ")
    parts = [(word, "dim") for word in rests]
    return lambda height: [*described, *_flow(parts, width, max(1, height - len(described)))]


def copied_text(
    layer: LayerConcepts,
    row: ConceptRow,
    names: tuple[str, str],
    descriptions: Descriptions | None,
) -> str:
    """A row as plain text: words with signs and measures, words gained and lost."""
    lines = [f"{names[0]} | {names[1]}, {_place(layer)}"]
    if row.angle is not None:
        lines.append(f"angle {row.angle:.2f} degrees")
    sides = ((layer.base, row.base), (layer.tuned, row.tuned))
    for number, (side, component) in enumerate(sides):
        if component is None:
            continue
        share = 100 * side.explained_variance[component]
        lines.append(f"\n{names[number]}: component {component}, {share:.3f} % of the variance")
        lines.append(signed_words(side, component, ascii_only=True))
        lines.append(" ".join(f"{each:.3f}" for each in side.measures[component].tolist()))
        found = find_description(descriptions, layer, row, number)
        if found is not None:
            lines.append(_description_text(found))
    lines += [f"\ngained: {' '.join(row.gained)}", f"lost: {' '.join(row.lost)}"]
    return "\n".join([*lines, *layer.notes]) + "\n"


def _place(layer: LayerConcepts) -> str:
    return f"layer {layer.layer}" + (f", expert {layer.expert}" if layer.expert >= 0 else "")


def _numbers(layer: LayerConcepts, row: ConceptRow, *, short: bool = False) -> Line:
    parts: list[Part] = []
    sides = ((layer.base, row.base), (layer.tuned, row.tuned))
    for name, (side, component) in zip(("base", "tuned"), sides, strict=True):
        if component is None:
            parts.append((f"{name} has no match · ", "dim"))
            continue
        parts.append((f"{name} ", "dim"))
        parts.append((f"{component}  ", "strong"))
        parts.append((f"{100 * side.explained_variance[component]:.2f} % ", ""))
        parts.append(("· " if short else f"{_measures(side, component)} · ", "dim"))
    if row.angle is not None:
        parts.append((f"angle {row.angle:.1f}°", "accent"))
    return parts


def _measures(side: Components, component: int) -> str:
    """The largest and the smallest |cos| of the words shown."""
    sizes = abs(side.measures[component])
    return f"cos {sizes.max():.2f}–{sizes.min():.2f}" if len(sizes) else ""


def _described(
    layer: LayerConcepts, row: ConceptRow, descriptions: Descriptions, width: int, ascii_only: bool
) -> list[Line]:
    """Each component's description on a line, cut to make room for the rest."""
    lines: list[Line] = []
    for side, name in enumerate(("base", "tuned")):
        found = find_description(descriptions, layer, row, side)
        if found is None:
            lines.append([(f"{name}: not described", "dim")])
            continue
        rest = _description_text(found._replace(text=""))
        room = width - cell_len(f"{name}:  · {rest}")
        text = prose(" ".join(found.text.split()), ascii_only=ascii_only)
        shown = (fit(text, max(20, room)), prose(rest, ascii_only=ascii_only))
        said = " · ".join(each for each in shown if each)
        lines.append([(f"{name}: ", "dim"), (said, "")])
    return lines


def _description_text(found: Description) -> str:
    scenarios = None if found.scenarios is None else ", ".join(found.scenarios) or "no scenario"
    return " · ".join(each for each in (found.text, scenarios, found.level) if each)


def _flow(parts: Iterable[Part], width: int, height: int) -> list[Line]:
    """Words separated by spaces on exactly this many lines; a mark if some are left out."""
    lines: list[list[Part]] = [[]]
    used = 0
    for text, style in parts:
        cells = cell_len(text) + 1
        if used and used + cells - 1 > width:
            if len(lines) == height:
                last, of_style = lines[-1][-1]
                room = cell_len(last) + width - used
                lines[-1][-1] = (fit(f"{last}…", max(1, room)), of_style)
                break
            lines.append([])
            used = 0
        used += cells
        if lines[-1] and lines[-1][-1][1] == style:
            lines[-1][-1] = (f"{lines[-1][-1][0]}{text} ", style)
        else:
            lines[-1].append((f"{text} ", style))
    return [*lines, *([] for _ in range(height - len(lines)))]
