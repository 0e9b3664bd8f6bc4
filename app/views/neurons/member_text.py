"""Texts on a neuron or expert, and on a list of them."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import wrap

from analysis.neurons.gather import Place
from app.terminal.text import fit, prose
from app.views.neurons.atlas import UnitAtlas
from app.views.neurons.members import CellMembers, Member
from app.views.neurons.numbers import share_text
from app.views.neurons.text import fitting
from app.widgets.lines import Line
from app.widgets.table_rows import Column

_UNBROKEN = "\N{NO-BREAK SPACE}"
_ARROW = "→"
_DETAILS, _SHORT_NAME = 3, 12
"""Lines of frequencies; columns of a category's name if they would need more."""


def neuron_place(place: Place) -> str:
    """A neuron's place in words."""
    layer, expert, neuron = place
    return f"layer {layer}" + (f" · expert {expert}" if expert >= 0 else "") + f" · neuron {neuron}"


def member_place(member: Member) -> str:
    """The place of a neuron or an expert in words."""
    if member.neuron < 0:
        return f"layer {member.layer} · expert {member.expert}"
    return neuron_place((member.layer, member.expert, member.neuron))


def place_columns(*, experts: bool, neurons: bool = True) -> list[Column]:
    """The columns of a place; `experts` and `neurons` say which there are."""
    names = ["layer", *["expert"] * experts, *["neuron"] * neurons]
    # Columns of numbers have to be of one type, so that those of some mixtures are not whole.
    return [Column(name, "{:.0f}".format) for name in names]


def sets_text(of: int) -> Callable[[object], str]:
    """Makes the text of a number of sets, of so many categories."""

    def text(sets: object) -> str:
        return "general" if sets == of > 1 else f"{sets} of {of}"

    return text


def member_lines(atlas: UnitAtlas, member: Member | None, width: int) -> list[Line]:
    """Lines on the unit under the list's cursor: its frequency in every category."""
    if member is None:
        return [[]]
    place = member_place(member)
    sets = f"in {member.sets[0]}{_ARROW}{member.sets[1]} of {len(atlas.counted)} sets"
    about = f"mean p, base{_ARROW}tuned:"
    if len(f"{place} · {sets} · {about}") > width:
        about = "mean p:"
    head = fitting([[(place, "strong")], [(sets, "dim")], [(about, "dim")]], width)
    width = max(20, width)
    lines = wrap(_frequencies(atlas, member, width), width)
    if len(lines) > _DETAILS:
        # Shorten names before leaving out numbers.
        short = _frequencies(atlas, member, _SHORT_NAME)
        lines = wrap(short, width, max_lines=_DETAILS, placeholder=" …")
    return [head, *([(line.replace(_UNBROKEN, " "), "")] for line in lines)]


def _frequencies(atlas: UnitAtlas, member: Member, longest_name: int) -> str:
    """Categories with the mean shares of their tokens in base and tuned model."""
    texts = []
    for name, before, after in zip(atlas.counted, *member.frequencies, strict=True):
        short = fit(prose(name), longest_name)
        texts.append(f"{short} {share_text(before)}{_ARROW}{share_text(after)}")
    # Keep a name and its shares on one line.
    return " · ".join(each.replace(" ", _UNBROKEN) for each in texts)


def copied_members(members: CellMembers, names: tuple[str, str], about: str) -> str:
    """The first thousand units of a list as plain text, one per line."""
    lines = [f"{names[0]} | {names[1]}, {about}"]
    category = members.cell.categories[0]
    for index in range(min(len(members), 1000)):
        each = members[index]
        base, tuned = each.frequencies[:, category].tolist()
        lines.append(f"{member_place(each)} {each.status} {base:.4f} {tuned:.4f}")
    return "\n".join(lines) + "\n"
