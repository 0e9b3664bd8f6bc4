"""A screen that draws and sends only what changed, at the terminal's current size.

When a region changes, Textual 8 renders every widget on the screen and sends each line from the
left edge of the widget the region lies in. Here only the lines of the region are rendered and only
the region is sent. A full paint skips containers that are covered by their contents, and an app's
batch holds back the rendering too.

Measured against Textual 8.2.8 in a terminal of 200×50, ours first. A cursor moving in a grid of
600×300 (`tests.bench.bench_terminal`):

    FrugalUpdate, FrugalCompositor           912 bytes a key      1,803
                                             9 lines rendered       458

From startup to a library's first screen:

    FrugalCompositor                         97 lines rendered      488
    FrugalScreen._compositor_refresh         97 lines rendered      147
    FrugalScreen._on_timer_update        28,779 bytes            44,191
    FrugalScreen.on_screen_resume            57 widgets styled      102

Textual lays a screen out at the size in a resize message, and each layout sends the screen another
message with its size. With two sizes in flight, each triggers the other: a terminal dragged to a
new size may end up at the wrong one, and while a batch holds back painting the two alternate
forever, using a whole core and growing memory. For two sizes `SteadySize` makes no extra layout,
Textual over 200 in the 40 turns that tests/app tries.
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
    # Textual looks for styles along the first base that is a widget, and no other.
    _Screen = object

Span = tuple[int, int, int]
"""A line, and the first and last (exclusive) column that changed on it."""


class FrugalUpdate(ChopsUpdate):
    """Changed spans of lines, cropped at both ends."""

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
    """Textual's compositor, except that partial updates render only the lines they need."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """What changed since the last call; None for nothing."""
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
        """Whole lines, for a first paint, a resize or a screenshot."""
        lines = [y for y in crop.line_range if is_rendered_line(y)]
        # The screen itself is behind everything: no piece stays empty.
        return cast(
            "Sequence[Mapping[int, Strip]]",
            self._chops_of([(y, 0, self.size.width) for y in lines]),
        )

    def _chops_of(self, spans: list[Span]) -> list[dict[int, Strip | None]]:
        """For every line, the pieces between its cuts, rendered where a span touches them."""
        chops: list[dict[int, Strip | None]] = [dict.fromkeys(cuts[:-1]) for cuts in self.cuts]
        wanted: dict[int, set[int]] = {}
        for y, x1, x2 in spans:
            touched = (x for x, end in pairwise(self.cuts[y]) if x < x2 and end > x1)
            wanted.setdefault(y, set()).update(touched)
        # Front to back: the first widget with a piece covers those behind it.
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
    """These screen lines as a widget draws them; neighbours in one call, which styles once."""
    for _, run in groupby(zip(lines, count(), strict=False), key=lambda pair: pair[0] - pair[1]):
        ys = [y for y, _ in run]
        place = Region(seen.x - region.x, ys[0] - region.y, seen.width, len(ys))
        yield from zip(ys, widget.render_lines(place), strict=True)


class SteadySize(_Screen):
    """A screen laid out at the terminal's current size, never an old one; the first base class."""

    def _screen_resized(self, size: Size) -> None:
        now = self.app.size
        # At startup Textual reports the same size several times.
        if now != self.outer_size:
            super()._screen_resized(now)


class FrugalScreen(SteadySize, Screen[None]):
    """The screen for `App.get_default_screen`."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._compositor = FrugalCompositor()

    def on_mount(self) -> None:
        """Paint everything anew when ctrl-z and ``fg`` have left another screen behind."""
        self.app.app_resume_signal.subscribe(self, lambda app: app.screen.refresh(layout=True))

    def paint(self) -> None:
        """Lay out and paint now, not with the next frame."""
        self._on_timer_update()

    def _on_timer_update(self) -> None:
        if self._layout_required and self._repaint_required:
            # The layout paints everything: merge the pending full repaint into it.
            self._compositor._dirty_regions.add(self.outer_size.region)
            self._repaint_required = False
        super()._on_timer_update()

    def _compositor_refresh(self) -> None:
        # In a batch it would be rendered and thrown away.
        if not self.app._batch_count:
            super()._compositor_refresh()

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Skip restyling the first time: every widget was styled when it was mounted."""
        event.refresh_styles = event.refresh_styles and self.stack_updates > 0
