"""The first paint comes at once, in one piece and before the session."""

from __future__ import annotations

from textual._compositor import Compositor
from textual.app import App
from textual.containers import Vertical
from textual.widgets import Button, Static

from app.terminal.screen import FrugalScreen
from app.widgets.prompt_entry import PushButton
from tests.app.pair_app import PairApp, screen, until


async def test_all_is_painted_at_once_before_there_is_a_session(tmp_path):
    pair = PairApp(tmp_path)
    seen: list[str] = []
    display = pair.app._display

    def painting(of, renderable):
        # What is painted in a batch reaches no terminal.
        if renderable is not None and pair.session is None and not pair.app._batch_count:
            seen.append(screen(pair.app))
        display(of, renderable)

    pair.app._display = painting
    async with pair.running((120, 40)) as pilot:
        await until(pilot, lambda: pair.session is not None)
        first, *later = seen
        for words in ("insttui", "demo-tuned", "Capital of a country", "Run", "enter run", "quit"):
            assert words in first
        assert later == []


class Covered(App[None]):
    """Containers in containers, with two lines on top of them."""

    CSS = "Static { height: 1; } Vertical { height: 1fr; border: round white; }"

    def get_default_screen(self) -> FrugalScreen:
        return FrugalScreen(id="_default")

    def compose(self):
        with Vertical(), Vertical():
            yield Static("one 日本 line")
            yield Static("another")


async def test_a_whole_paint_looks_as_textual_paints_it():
    async with Covered().run_test(size=(23, 9)) as pilot:
        compositor = pilot.app.screen._compositor
        ours = [strip.text for strip in compositor.render_strips()]
        whole = compositor.size.region
        theirs = Compositor._render_chops(compositor, whole, lambda y: True)
        assert ours == ["".join(s.text for s in chops.values()) for chops in theirs]


async def test_lines_that_are_covered_are_not_rendered():
    async with Covered().run_test(size=(23, 9)) as pilot:
        rendered = []
        for widget in pilot.app.screen.query("*"):
            lines = widget.render_lines

            def noting(crop, lines=lines):
                strips = lines(crop)
                rendered.append(len(strips))
                return strips

            widget.render_lines = noting
        pilot.app.screen._compositor.render_strips()
        # The outer container its two edges and, for the sides of the others, the lines between.
        assert sum(rendered) == 9 + 7 + 2


class Buttons(App[None]):
    """The same button twice."""

    CSS = "Button, PushButton { margin: 1; }"

    def compose(self):
        yield Button("Run", variant="primary", compact=True, id="theirs")
        yield PushButton("Run", id="ours")


async def test_a_push_button_looks_like_textuals_primary_button():
    async with Buttons().run_test() as pilot:
        for state in ("", "focus", "hover", "-active"):
            looks = []
            for name in ("theirs", "ours"):
                button = pilot.app.query_one(f"#{name}", Button)
                await pilot.hover(f"#{name}" if state == "hover" else None)
                pilot.app.set_focus(button if state == "focus" else None)
                button.set_class(state == "-active", "-active")
                await pilot.pause()
                looks.append([button.render_line(0), button.size])
            assert looks[0] == looks[1], state
