"""A screen that draws and sends what changed, and nothing around it, at the size the terminal has.

Textual 8 answers a changed region by rendering every widget on the screen and by sending the line
from the left edge of the widget the region lies in. Here only the lines of the region are rendered
and only the region is sent. Where all is painted, containers that their contents cover are not
rendered either; and an app's batch holds back the rendering too.

What each piece is worth, in Textual 8.2.8 and a terminal of 200×50, ours first. With a cursor that
moves in a grid of 600×300 (`tests.bench.bench_terminal`):

    FrugalUpdate, FrugalCompositor           912 bytes a key      1,803
                                             9 lines rendered       458

From the start to a library's first screen:

    FrugalCompositor                         97 lines rendered      488
    FrugalScreen._compositor_refresh         97 lines rendered      147
    FrugalScreen._on_timer_update        28,779 bytes            44,191
    FrugalScreen.on_screen_resume            57 widgets styled      102

Textual lays a screen out at the size that a message brings, and each layout sends the screen a
message with its size. Where two sizes are under way at a time, each is answered by the other: a
terminal that is dragged to a new size may be left at the wrong one, and while a batch holds back
the painting the two chase each other for good, on a whole core, deaf and growing: for two sizes
`SteadySize` makes no layout too many, Textual 200 and more in the 40 turns that tests/app tries.
"""

from __future__ import annotations

from itertools import count, groupby, pairwise
from typing import TYPE_CHECKING, cast

from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.console import Console
    from textual.events import ScreenResume
    from textual.geometry import Size
    from textual.strip import Strip
    from textual.widget import Widget

    _Screen = Screen[None]
else:
    # Textual looks for styles along the first base that is a widget, and for no other.
    _Screen = object

Span = tuple[int, int, int]
"""A line and the first and the last column (exclusive) that changed on it."""


class FrugalUpdate(ChopsUpdate):
    """Changed spans of lines, cut at both ends."""

    def render_segments(self, console: Console) -> str:
        """Everything to write to the terminal."""
        written: list[str] = []
        for y, x1, x2 in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=True):
                start, stop = max(x, x1), min(end, x2)
                if strip is None or start >= stop:
                    continue
                written.append(Control.move_to(start, y).segment.text)
                written.append(strip.crop(start - x, stop - x).render(console))
        return "".join(written)


class FrugalCompositor(Compositor):
    """Textual's compositor, but partial updates render only the lines they need."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """What changed since the last time, None for nothing."""
        regions = self._dirty_regions.copy()
        self._dirty_regions.clear()
        screen = self.size.region
        spans = list(self._regions_to_spans(r.intersection(screen) for r in regions))
        if not spans:
            return None
        ends = [cuts[1:] for cuts in self.cuts]
        return FrugalUpdate(self._chops_of(spans), spans, ends)

    def _render_chops(
        self, crop: Region, is_rendered_line: Callable[[int], bool]
    ) -> Sequence[Mapping[int, Strip]]:
        """Whole lines, for a first paint, a new size or a picture of the screen."""
        lines = [y for y in crop.line_range if is_rendered_line(y)]
        # The screen itself is behind everything: no piece stays empty.
        return cast(
            "Sequence[Mapping[int, Strip]]",
            self._chops_of([(y, 0, self.size.width) for y in lines]),
        )

    def _chops_of(self, spans: list[Span]) -> list[dict[int, Strip | None]]:
        """For every line a piece from each cut to the next, rendered where a span touches it."""
        chops: list[dict[int, Strip | None]] = [dict.fromkeys(cuts[:-1]) for cuts in self.cuts]
        wanted: dict[int, set[int]] = {}
        for y, x1, x2 in spans:
            touched = (x for x, end in pairwise(self.cuts[y]) if x < x2 and end > x1)
            wanted.setdefault(y, set()).update(touched)
        # Front to back: the first widget that has a piece covers those behind it.
        for widget, (region, clip) in self.visible_widgets.items():
            if not wanted:
                break
            seen = region.intersection(clip)
            lines: dict[int, list[int]] = {}
            for y in sorted(wanted.keys() & set(seen.line_range)):
                cuts = [cut for cut in self.cuts[y] if seen.x <= cut <= seen.right]
                if not wanted[y].isdisjoint(cuts[:-1]):
                    wanted[y].difference_update(cuts[:-1])
                    lines[y] = cuts
                    if not wanted[y]:
                        del wanted[y]
            for y, strip in _rendered(widget, region, seen, list(lines)):
                cuts = lines[y]
                pieces_of_strip = strip.divide([cut - seen.x for cut in cuts[1:]])
                for cut, piece in zip(cuts, pieces_of_strip, strict=False):
                    if chops[y][cut] is None:
                        chops[y][cut] = piece
        return chops


def _rendered(
    widget: Widget, region: Region, seen: Region, lines: list[int]
) -> Iterator[tuple[int, Strip]]:
    """These lines of the screen as a widget draws them.

    Neighbours are drawn in one go: each call works out the widget's styles anew.
    """
    for _, run in groupby(zip(lines, count(), strict=False), key=lambda pair: pair[0] - pair[1]):
        ys = [y for y, _ in run]
        place = Region(seen.x - region.x, ys[0] - region.y, seen.width, len(ys))
        yield from zip(ys, widget.render_lines(place), strict=True)


class SteadySize(_Screen):
    """A screen laid out at the size that the terminal has, never at one that it had.

    For every screen of the app, as its first base class.
    """

    def _screen_resized(self, size: Size) -> None:
        now = self.app.size
        # At the start Textual says several times how large it is.
        if now != self.outer_size:
            super()._screen_resized(now)


class FrugalScreen(SteadySize, Screen[None]):
    """For `App.get_default_screen`."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._compositor = FrugalCompositor()

    def paint(self) -> None:
        """Lay out and paint now, not with the next frame."""
        self._on_timer_update()

    def _on_timer_update(self) -> None:
        if self._layout_required and self._repaint_required:
            # A layout paints: that of the whole screen goes with it, instead of after it.
            self._compositor._dirty_regions.add(self.outer_size.region)
            self._repaint_required = False
        super()._on_timer_update()

    def _compositor_refresh(self) -> None:
        # In a batch it would be rendered and thrown away.
        if not self.app._batch_count:
            super()._compositor_refresh()

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Spare the styles the first time: every widget has just got its own, as it was mounted."""
        event.refresh_styles = event.refresh_styles and self.stack_updates > 0
