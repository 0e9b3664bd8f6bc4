"""The lines above the pages: what tuning did, and the thresholds that all numbers hang on."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from app.views.neurons.atlas import Unit, UnitAtlas
from app.views.neurons.text import headline, summary
from app.widgets.lines import Lines


class Above(Vertical):
    """What tuning did in a sentence, above the maps alone, and how the sets are made."""

    def compose(self) -> ComposeResult:
        yield Lines(id="headline")
        yield Lines(id="summary")

    def show_atlas(
        self, atlas: UnitAtlas, unit: Unit, instructions: str, width: int, *, finding: bool
    ) -> None:
        """Show an atlas with at least one category.

        Args:
            atlas: The sets.
            unit: Which of them the page is about.
            instructions: The name of the set of instructions, harmless.
            width: Cells of a line.
            finding: Whether to say what tuning did.
        """
        self.query_one("#summary", Lines).show(summary(atlas, unit, instructions, width))
        above = self.query_one("#headline", Lines)
        above.display = finding
        if finding:
            lines = headline(atlas, width)
            above.styles.height = len(lines)
            above.show(*lines)
