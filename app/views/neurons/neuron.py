"""What one neuron writes in base and tuned model: its words, and its nearest components."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize

from analysis.neurons.direction_tables import components_table, words_table
from analysis.neurons.pair import PairSets
from analysis.neurons.result import NeuronDirection
from app.frame.export import Tables
from app.links import ComponentLink
from app.terminal.text import fit, prose, visible
from app.widgets.lines import Line, Lines, width_of

_WORDS = 2
"""Lines of words."""


class DirectionPage(Vertical):
    """Base above tuned, with as many components of each as fit."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only
        self._both: tuple[NeuronDirection, NeuronDirection] | None = None
        self._names = ("", "")
        self._where = ""
        self._minus = "-" if ascii_only else "−"
        self.can_focus = True

    def compose(self) -> ComposeResult:
        yield Lines(id="neuron-lines")

    def show_neuron(
        self,
        where: str,
        both: tuple[NeuronDirection, NeuronDirection] | None,
        names: tuple[str, str],
    ) -> None:
        """Show what a neuron writes, None while computed; `where` and `names` are harmless."""
        self._where, self._both, self._names = where, both, names
        self._draw()

    @property
    def nearest(self) -> ComponentLink | None:
        """The base model's component nearest to the neuron, once known."""
        if self._both is None or not len(self._both[0].components):
            return None
        base = self._both[0]
        return ComponentLink(base.layer, int(base.components[0]), expert=base.expert)

    def focus_shown(self) -> None:
        self.focus()

    def on_resize(self, event: Resize) -> None:
        self._draw()

    def text(self) -> str:
        """The complete contents as plain text."""
        if self._both is None:
            return ""
        lines = [self._where]
        for name, each in zip(self._names, self._both, strict=True):
            lines.append(
                f"\n{name}: |w| {each.norm:.4g}, {each.share:.4f} in {each.rank} components"
            )
            lines.append(" ".join(signed(each.words, each.cosines.tolist(), ascii_only=True)))
            lines.append(" ".join(f"{value:.3f}" for value in each.cosines.tolist()))
            for index, component in enumerate(each.components.tolist()):
                cosine = each.component_cosines[index]
                words = " ".join(_component_words(each, index, ascii_only=True))
                lines.append(f"component {component} cos {cosine:+.3f} {words}")
        return "\n".join(lines) + "\n"

    def tables(self, pair: PairSets) -> Tables:
        """What is exported, by its kind; nothing before it is computed."""
        both = self._both
        if both is None:
            return {}
        return {
            "neuron-components": lambda: components_table(both),
            "neuron-words": lambda: words_table(both),
        }

    def _draw(self) -> None:
        lines: list[Line] = [[(self._where, "strong")]]
        if self._both is None:
            lines.append([("not computed yet", "dim")])
        else:
            room = (self.size.height - 2) // 2
            for name, each in zip(self._names, self._both, strict=True):
                lines += self._side(name, each, room)
            notes = prose(" ".join(self._both[1].notes), ascii_only=self._ascii)
            lines.append([(notes, "dim")])
        self.query_one("#neuron-lines", Lines).show(*lines)

    def _side(self, name: str, found: NeuronDirection, height: int) -> list[Line]:
        width = self.size.width - 2
        share = f"{100 * found.share:.0f} % of w lies in {found.rank} components"
        above: Line = [(name, "accent"), (f" · ‖w‖ {found.norm:.3g} · {share}", "dim")]
        by = " · words by cos(w, E)"
        lines: list[Line] = [
            [*above, (by, "dim")] if width_of(above) + len(by) <= self.size.width - 2 else above
        ]
        words = signed(found.words, found.cosines.tolist(), ascii_only=self._ascii)
        lines += self._flow(words, width)
        for index in range(max(0, min(len(found.components), height - len(lines)))):
            number, cosine = int(found.components[index]), found.component_cosines[index]
            variance = 100 * found.explained_variance[index]
            sign = self._minus if cosine < 0 else "+"
            head = (
                f"  component {number:>3} · cos {sign}{abs(cosine):.2f} · var {variance:>5.2f} %  "
            )
            listed = " ".join(_component_words(found, index, ascii_only=self._ascii))
            lines.append([(head, "dim"), (fit(listed, max(0, width - len(head))), "")])
        return lines + [[] for _ in range(height - len(lines))]

    def _flow(self, words: list[str], width: int) -> list[Line]:
        """Words on at most two lines."""
        lines: list[str] = [""]
        for word in words:
            if len(lines[-1]) + len(word) + 1 > width:
                if len(lines) == _WORDS:
                    break
                lines.append("")
            lines[-1] += f" {word}"
        return [[(fit(line, width), "")] for line in lines]


def signed(words: tuple[str, ...], cosines: list[float], *, ascii_only: bool) -> list[str]:
    """Words, harmless; a minus marks those on the negative side."""
    minus = "-" if ascii_only else "−"
    return [
        (minus if cosine < 0 else "") + visible(word, ascii_only=ascii_only)
        for word, cosine in zip(words, cosines, strict=True)
    ]


def _component_words(found: NeuronDirection, index: int, *, ascii_only: bool) -> list[str]:
    measures = found.component_measures[index].tolist()
    return signed(found.component_words[index], measures, ascii_only=ascii_only)
