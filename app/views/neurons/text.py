"""The Neurons view's texts: help, the lines above and below the maps."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
from rich.cells import cell_len

from app.terminal.text import fit, pad, prose
from app.views.neurons.atlas import Unit, UnitAtlas
from app.views.neurons.members import Cell
from app.views.neurons.numbers import NOTHING, share_text
from app.widgets.lines import Line, Part, width_of

_SHORTEST_NOTE = 20
"""Columns of a shortened note that still says something."""

HELP = (
    "Which feed-forward neurons, and in mixture models which experts, a kind of instruction needs, "
    "and what tuning did to them. It follows SPARCOM (arXiv 2505.21191), of which only the "
    "abstract was at hand: what stands here is our reading, the thresholds are our choice.\n\n"
    "It opens on what tuning did, layers down and categories across: −62 +83 is 62 neurons lost, "
    "83 gained. The further a cell stands out from the background, the larger the share of its "
    "set that changed. v turns to how much the categories overlap in either model, and to how many "
    "neurons each needs.\n\n"
    "Enter lists the neurons of a cell, those first whose frequency changed most; on a wide screen "
    "they stand beside the map. p is the mean of p_ij(I) over the category's instructions; what "
    "the tuned model's neuron writes are its words. Enter again shows what it writes in both "
    "models: w is its row of the down "
    "projection, the words are those with the largest | cos(w, E[word]) |, the components those "
    "of the Concepts view with the largest | cos(w, v_r) |. The sign is kept: without a "
    "gate an active neuron adds w times a positive number, in gated networks the up branch decides "
    "its sign. From there Enter leads to the nearest component of the base model in the Concepts "
    "view, and a lists the instructions on which the neuron is most active in either model: its "
    "largest value, sign kept, over the instruction's own tokens, of what enters the down "
    "projection, and at which token. Enter there runs the instruction in the Saliency view.\n\n"
    "[ and ] move ε, { and } move τ: counts follow at once, nothing is computed anew. "
    "/ with a word lists the neurons of all layers that write it, by | cos(w, E[word]) |. / also "
    "goes to a neuron by its numbers, such as 3 812 for layer 3, neuron 812 (with its expert "
    "between them in a mixture; layer and expert alone lead to the expert's neurons), or to a "
    "category by its name, in a list to the list of that category.\n\n"
    "p takes instructions of your own: a file with a line such as\n"
    '  {"id": "1", "category": "math", "instruction": "Add.",\n'
    '   "input": "2 and 3", "response": "5"}\n'
    "all in one line, for each instruction; input may be left out.\n\n"
    "Formulas\n\n"
    "Both models read the same instructions of several categories. Neuron i of layer j is active "
    "at a token where what leaves the activation function is above 0 (our reading; in gated "
    "networks that is the gate branch).\n\n"
    "  p_ij(I)   share of the tokens of instruction I with it active\n"
    "  p_ij(I) ≥ ε   it is specific to I\n"
    "  in the set A of a category   specific to at least the share\n"
    "                               τ of the category's instructions,\n"
    "                               with τ = 0 to any of them\n\n"
    "The first is one of two readings of the paper, the threshold rule; by the percentile rule, "
    "which insttui components and the study take (--rule percentile), it is specific to I where "
    "p_ij(I) is among the highest share ε of all layers. The step from instructions to a "
    "category, τ, is ours.\n\n"
    "In a mixture of experts a neuron counts only at tokens that are routed to its expert, and "
    "p_ij stays a share of all tokens: lower ε to see its neurons. "
    "An expert is specific to I where the share of I's tokens that are routed to it is ≥ ε_e.\n\n"
    "overlaps   Jaccard index |A ∩ B| / |A ∪ B| of the sets of two categories; m shows the "
    "containment |A ∩ B| / |A| instead, A by row: the share of A that is in B too.\n"
    "layers   how many are in each set, by layer; general: in the sets of all categories at once. "
    "unique: in the set of one category only.\n"
    "changes   |kept| / (|kept| + |lost| + |gained|): the Jaccard index of the base and the tuned "
    "model's set. kept: in both, lost: in the base model's only, gained: in the tuned one's only.\n"
    "Layers count from 0."
)

UNLIKE = (
    "The neurons of a layer are compared with those of the same layer in the other model. Choose "
    "a tuned model that was trained from this base model."
)

WAITING = (
    "Counting when the neurons of both models are active, category by category. The first "
    "category shows here as soon as it is there."
)


_HEADLINE = 2
"""Lines of the finding at most."""


def headline(atlas: UnitAtlas, width: int) -> list[Line]:
    """The finding, as much of it as fits: where tuning changed the sets most and least."""
    room = max(20, width)
    wrapped = [wrap(said, room) for said in _findings(atlas)]
    lines = next((each for each in wrapped if len(each) <= _HEADLINE), wrapped[-1][:_HEADLINE])
    return [[(line, "strong")] for line in lines]


def _findings(atlas: UnitAtlas) -> list[str]:
    """What all layers come to, harmless, from all that there is to say to the least."""
    found = atlas.alteration().over_layers()
    alike = found.jaccard()[:, 0]
    known = [int(each) for each in np.argsort(alike, kind="stable") if not np.isnan(alike[each])]
    if not known:
        none = f"At these thresholds no category needs any of the {atlas.unit}"
        return [f"{none}: [ lowers ε, {{ lowers τ."]

    def changed(category: int) -> str:
        kept, lost, gained = (
            int(each[category, 0]) for each in (found.kept, found.lost, found.gained)
        )
        return f"kept {kept:,}, lost {lost:,}, gained {gained:,}"

    names = [prose(each) for each in atlas.counted]
    most, least = known[0], known[-1]
    first = f"Tuning changed the {atlas.unit} for {names[most]}"
    if most == least:
        return [f"{first}: {changed(most)}."]
    both = f"{first} most ({changed(most)}) and those for {names[least]} least ({changed(least)})."
    base, tuned = (int(each.general_counts.sum()) for each in atlas.sets())
    general = f"General ones, needed by every category: {base:,} before, {tuned:,} after."
    return [f"{both} {general}", both, f"{first} most: {changed(most)}."]


def summary(atlas: UnitAtlas, unit: Unit, instructions: str, width: int) -> Line:
    """The line above: unit, instructions and thresholds."""
    epsilon = "ε" if unit == "neurons" else "ε_e"
    return fitting(
        [
            [(unit, "strong")],
            [(f"{epsilon} ", ""), (f"{atlas.threshold(unit):.2f}", "accent")],
            [("τ ", ""), (f"{atlas.thresholds.tau:.2f}", "accent"), (_any(atlas), "")],
            [(f"{atlas.instructions} instructions ({instructions})", "")],
            [("our reading", "")],
            [(f"rule {atlas.thresholds.rule}", "")],
        ],
        width,
    )


def _any(atlas: UnitAtlas) -> str:
    return "" if atlas.thresholds.tau else " (any instruction)"


def fitting(phrases: Sequence[Line], width: int) -> Line:
    """As many phrases as fit, separated by dots, so that no number is cut."""
    line: list[Part] = list(phrases[0])
    for phrase in phrases[1:]:
        longer = [*line, (" · ", ""), *phrase]
        if width_of(longer) > width:
            break
        line = longer
    return line


def map_lines(atlas: UnitAtlas, cell: Cell, names: tuple[str, str], width: int) -> list[Line]:
    """Four lines on the cell under the cursor."""
    where = "" if cell.layer is None else f"layer {cell.layer} · "
    lines: list[Line] = [[(where + _named(atlas, cell), "strong")]]
    room = min(max(map(cell_len, names)), width // 4)
    for side, name in enumerate(names):
        found = fitting(_side(atlas, cell, side), width - room - 2)
        lines.append([(side_heading(name, "  ", room + 2), "dim"), *found])
    changes = change_parts(atlas, cell) if len(cell.categories) == 1 else []
    lines.append([*changes, *_notes(atlas, width - width_of(changes) - 2)])
    return lines


def _named(atlas: UnitAtlas, cell: Cell) -> str:
    names = [prose(atlas.counted[each]) for each in cell.categories]
    if len(names) > 2:
        return f"general: in the sets of all {len(names)} categories"
    return " and ".join(names)


def _side(atlas: UnitAtlas, cell: Cell, side: int) -> list[Line]:
    """Phrases on one model, the most important first."""
    sets = atlas.sets()[side]
    layers = slice(None) if cell.layer is None else slice(cell.layer, cell.layer + 1)
    units = f"of {int(sets.units[layers].sum()):,}"
    general = int(sets.general_counts[layers].sum())
    if len(cell.categories) > 2 or (len(cell.categories) == 2 and cell.layer is not None):
        return [[(f"{general:,} {units} {atlas.unit}", "")]]
    first = cell.categories[0]
    if len(cell.categories) == 1:
        count = int(sets.counts[first, layers].sum())
        unique = int(sets.unique_counts[first, layers].sum())
        whole = f"{count:,} {units} {atlas.unit}", f"{general:,} general", f"{unique:,} unique"
        return [[(each, "")] for each in whole]
    second = cell.categories[1]
    shared = sets.shared
    jaccard, contained = sets.jaccard(), sets.containment()
    return [
        [(f"{shared[first, first]:,} and {shared[second, second]:,}", "")],
        [(f"{shared[first, second]:,} in both", "")],
        [(f"Jaccard {share_text(jaccard[first, second])}", "accent")],
        [
            (f"contained {share_text(contained[first, second])}", ""),
            (f" and {share_text(contained[second, first])}", ""),
        ],
    ]


def change_parts(atlas: UnitAtlas, cell: Cell) -> list[Part]:
    """How tuning changed the set of a cell with one category."""
    found, category = atlas.alteration(), cell.categories[0]
    layers = slice(None) if cell.layer is None else slice(cell.layer, cell.layer + 1)
    kept, lost, gained = (
        int(each[category, layers].sum()) for each in (found.kept, found.lost, found.gained)
    )
    union = kept + lost + gained
    alike = share_text(kept / union) if union else NOTHING
    return [
        (f"kept {kept:,} · lost {lost:,} · gained {gained:,} · ", ""),
        (f"Jaccard {alike}", "accent"),
    ]


def _notes(atlas: UnitAtlas, width: int) -> list[Part]:
    if width < _SHORTEST_NOTE:
        return []
    said = wrap(prose(" ".join(atlas.notes)), width, max_lines=1, placeholder=" …")
    return [("  " + said[0], "dim")] if said else []


def side_heading(name: str, what: str, width: int) -> str:
    """The heading of a model's column; long names keep their end, which tells base from tuned."""
    return pad(fit(name[::-1], width - len(what))[::-1] + what, width)
