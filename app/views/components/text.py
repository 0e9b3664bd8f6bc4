"""The Components view's texts: help, the line above the maps, the lines below."""

from __future__ import annotations

from textwrap import wrap

from app.terminal_text import fit, pad, prose
from app.views.components.atlas import ComponentAtlas, Unit
from app.views.components.jobs import Place
from app.views.components.maps import ComponentMaps
from app.views.components.members import Cell, CellMembers, Member
from app.views.components.numbers import NOTHING, share_text
from app.widgets.lines import Line, Part

_UNBROKEN = "\N{NO-BREAK SPACE}"

HELP = (
    "Which feed-forward neurons, and in mixture models which experts, a kind of instruction needs, "
    "and what tuning did to them. It follows SPARCOM (arXiv 2505.21191), of which only the "
    "abstract was at hand: what stands here is our reading, the thresholds are our choice.\n\n"
    "Both models read the same instructions of several categories. Neuron i of layer j is active "
    "at a token where what leaves the activation function is above 0 (our reading; in gated "
    "networks that is the gate branch).\n\n"
    "  p_ij(I)   share of the tokens of instruction I with it active\n"
    "  p_ij(I) ≥ ε   it is specific to I\n"
    "  in the set A of a category   specific to at least the share\n"
    "                               τ of the category's instructions\n\n"
    "In a mixture of experts a neuron counts only at tokens that are routed to its expert, and "
    "p_ij stays a share of all tokens: lower ε to see its neurons. "
    "An expert is specific to I where the share of I's tokens that are routed to it is ≥ ε_e.\n\n"
    "overlaps   Jaccard index |A ∩ B| / |A ∪ B| of the sets of two categories; m shows the "
    "containment |A ∩ B| / |A| instead, A by row: the share of A that is in B too.\n"
    "layers   how many are in each set, by layer; general: in the sets of all categories at once. "
    "unique: in the set of one category only.\n"
    "changes   |kept| / (|kept| + |lost| + |gained|): the Jaccard index of the base and the tuned "
    "model's set. kept: in both, lost: in the base model's only, gained: in the tuned one's only.\n"
    "The further a cell stands out from the background, the larger its number; layers count from 0."
    "\n\n"
    "Enter lists the neurons of a cell, the most frequent first: p is the mean of p_ij(I) over the "
    "category's instructions. Enter again shows what a neuron writes: w is its row of the down "
    "projection, the words are those with the largest | cos(w, E[word]) |, the components those "
    "of the Concepts view with the largest | cos(w, v_r) |. The sign is kept: without a "
    "gate an active neuron adds w times a positive number, in gated networks the up branch decides "
    "its sign. From there Enter leads to the nearest component of the base model in the Concepts "
    "view.\n\n"
    "[ and ] move ε, { and } move τ: counts follow at once, nothing is computed anew. "
    "/ with a word lists the neurons of all layers that write it, by | cos(w, E[word]) |. / also "
    "goes to a neuron by its numbers, such as 3 812 for layer 3, neuron 812 (with its expert "
    "between them in a mixture; layer and expert alone lead to the expert's neurons), or to a "
    "category by its name, in a list to the list of that category.\n\n"
    "p takes instructions of your own: a file with a line such as\n"
    '  {"id": "1", "category": "math", "instruction": "Add.",\n'
    '   "input": "2 and 3", "response": "5"}\n'
    "all in one line, for each instruction; input may be left out."
)

UNLIKE = (
    "The neurons of a layer are compared with those of the same layer in the other model. Choose "
    "a tuned model that was trained from this base model."
)

WAITING = (
    "Counting when the neurons of both models are active, category by category. The first "
    "category shows here as soon as it is there."
)


def summary(atlas: ComponentAtlas, unit: Unit, instructions: str) -> Line:
    """The line above: what is spoken of and at which thresholds."""
    epsilon = "ε" if unit == "neurons" else "ε_e"
    return [
        (unit, "strong"),
        (f" · {epsilon} ", ""),
        (f"{atlas.threshold(unit):.2f}", "accent"),
        (" · τ ", ""),
        (f"{atlas.thresholds.tau:.2f}", "accent"),
        (f" · {atlas.instructions} instructions ({instructions}) · our reading", ""),
    ]


def map_lines(
    atlas: ComponentAtlas, maps: ComponentMaps, names: tuple[str, str], width: int
) -> list[Line]:
    """Four lines on the cell under the cursor."""
    cell = maps.cell(atlas)
    where = "" if cell.layer is None else f"layer {cell.layer} · "
    lines: list[Line] = [[(where + _named(atlas, cell), "strong")]]
    room = max(len(name) for name in names)
    for side, name in enumerate(names):
        lines.append([(f"{name:<{room}}  ", "dim"), *_side(atlas, cell, side)])
    if len(cell.categories) == 1:
        lines.append([*change_parts(atlas, cell), *_notes(atlas, width // 3)])
    else:
        lines.append(_notes(atlas, width))
    return lines


def _named(atlas: ComponentAtlas, cell: Cell) -> str:
    names = [prose(atlas.counted[each]) for each in cell.categories]
    if len(names) > 2:
        return f"general: in the sets of all {len(names)} categories"
    return " and ".join(names)


def _side(atlas: ComponentAtlas, cell: Cell, side: int) -> list[Part]:
    sets = atlas.sets()[side]
    layers = slice(None) if cell.layer is None else slice(cell.layer, cell.layer + 1)
    units = f"of {int(sets.units[layers].sum()):,}"
    general = int(sets.general_counts[layers].sum())
    if len(cell.categories) > 2:
        return [(f"{general:,} {units} {atlas.unit}", "")]
    first = cell.categories[0]
    if len(cell.categories) == 1:
        count = int(sets.counts[first, layers].sum())
        unique = int(sets.unique_counts[first, layers].sum())
        return [(f"{count:,} {units} {atlas.unit} · {general:,} general · {unique:,} unique", "")]
    second = cell.categories[1]
    shared = sets.shared
    jaccard, contained = sets.jaccard(), sets.containment()
    return [
        (f"{shared[first, first]:,} and {shared[second, second]:,}", ""),
        (f" · {shared[first, second]:,} in both · ", ""),
        (f"Jaccard {share_text(jaccard[first, second])}", "accent"),
        (
            f" · contained {share_text(contained[first, second])}"
            f" and {share_text(contained[second, first])}",
            "",
        ),
    ]


def change_parts(atlas: ComponentAtlas, cell: Cell) -> list[Part]:
    """What tuning did to the set of a cell of one category."""
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


def _notes(atlas: ComponentAtlas, width: int) -> list[Part]:
    said = wrap(prose(" ".join(atlas.notes)), max(20, width), max_lines=1, placeholder=" …")
    return [("  " + said[0], "dim")] if said else []


def neuron_place(place: Place) -> str:
    """Where a neuron is, in words."""
    layer, expert, neuron = place
    return f"layer {layer}" + (f" · expert {expert}" if expert >= 0 else "") + f" · neuron {neuron}"


def member_place(member: Member) -> str:
    """Where a neuron or an expert is, in words."""
    if member.neuron < 0:
        return f"layer {member.layer} · expert {member.expert}"
    return neuron_place((member.layer, member.expert, member.neuron))


def member_lines(atlas: ComponentAtlas, member: Member | None, width: int) -> list[Line]:
    """Lines on the unit under the cursor of a list: its frequency in every category."""
    if member is None:
        return [[]]
    arrow = "→"
    before, after = member.frequencies
    texts = [
        f"{prose(name)} {share_text(before[each])}{arrow}{share_text(after[each])}"
        for each, name in enumerate(atlas.counted)
    ]
    of = len(atlas.counted)
    sets = f"in {member.sets[0]}{arrow}{member.sets[1]} of {of} sets"
    head: Line = [
        (member_place(member), "strong"),
        (f" · {sets} · mean p, base{arrow}tuned:", "dim"),
    ]
    # A name and its shares stay on one line.
    whole = " · ".join(each.replace(" ", _UNBROKEN) for each in texts)
    lines = wrap(whole, max(20, width), max_lines=3, placeholder=" …")
    return [head, *([(line.replace(_UNBROKEN, " "), "")] for line in lines)]


def side_heading(name: str, what: str, width: int) -> str:
    """The heading of a model's column: the end of a long name tells base from tuned."""
    return pad(fit(name[::-1], width - len(what))[::-1] + what, width)


def copied_members(members: CellMembers, names: tuple[str, str], about: str) -> str:
    """The first thousand units of a list as plain text, a line each."""
    lines = [f"{names[0]} | {names[1]}, {about}"]
    category = members.cell.categories[0]
    for index in range(min(len(members), 1000)):
        each = members[index]
        base, tuned = each.frequencies[:, category].tolist()
        lines.append(f"{member_place(each)} {each.status} {base:.4f} {tuned:.4f}")
    return "\n".join(lines) + "\n"
