"""The prompt entry repaints what looks different after an edit, and little more."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from textual.app import App
from textual.geometry import Region

from app.widgets.prompt_entry import PromptEntry

TEXTS = (
    *("x", "ß", "word and more words ", "\n", "日本", "e\u0301", "\t", "\x1b[2J\u202e"),
    "(a) [b]\n\nc ",
)


class EntryApp(App[None]):
    """An entry that keeps, besides, what a terminal would show that gets its repaints only."""

    CSS = "PromptEntry { border: round white; padding: 0 1; }"

    def compose(self):
        yield PromptEntry(id="entry")

    def on_mount(self):
        self.entry = entry = self.query_one(PromptEntry)
        self.asked: list[Region] = []
        refresh = entry.refresh

        def noting(*regions: Region, **options: bool):
            whole = Region(0, 0, *entry.size)
            self.asked.extend(regions or [whole])
            return refresh(*regions, **options)

        entry.refresh = noting
        entry.focus()

    def drawn(self) -> list[list[tuple[str, str]]]:
        """Every cell of every line as the entry draws it now: its text and style."""
        lines = []
        for y in range(self.entry.size.height):
            strip = self.entry.render_line(y).adjust_cell_length(self.entry.size.width)
            pieces = [strip.crop(x, x + 1) for x in range(self.entry.size.width)]
            lines.append([(piece.text, str([s.style for s in piece])) for piece in pieces])
        return lines


def edits(entry: PromptEntry, chance: random.Random) -> list[Callable[[], object]]:
    """What may happen next."""
    return [
        *(lambda text=text: entry.insert(text) for text in TEXTS),
        entry.action_delete_left,
        entry.action_delete_right,
        entry.action_delete_word_left,
        entry.action_cursor_up,
        entry.action_cursor_left,
        entry.action_cursor_line_start,
        lambda: entry.action_cursor_left(select=True),
        lambda: entry.action_cursor_down(select=True),
        entry.undo,
        entry.redo,
        lambda: entry.move_cursor((0, chance.randrange(5))),
        lambda: entry.load_text("one\ntwo " * chance.randrange(6)),
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_after_any_edit_the_terminal_shows_what_the_entry_draws(seed):
    chance = random.Random(seed)
    app = EntryApp()
    async with app.run_test(size=(24, 9)) as pilot:
        await pilot.pause()
        terminal, place = app.drawn(), (app.entry.scroll_offset, app.entry.size)
        for _ in range(60):
            app.asked.clear()
            chance.choice(edits(app.entry, chance))()
            await pilot.pause()
            now = app.drawn()
            if place != (app.entry.scroll_offset, app.entry.size):
                # Textual paints the pane anew when it scrolls or is laid out.
                terminal, place = now, (app.entry.scroll_offset, app.entry.size)
            for region in app.asked:
                for y in range(max(0, region.y), min(region.bottom, len(now))):
                    terminal[y][max(0, region.x) : region.right] = now[y][
                        max(0, region.x) : region.right
                    ]
            assert terminal == now


async def test_a_letter_at_the_end_repaints_a_few_cells():
    app = EntryApp()
    async with app.run_test(size=(80, 30)) as pilot:
        app.entry.insert("Some words on a line,\nand some more on another")
        await pilot.pause()
        app.asked.clear()
        await pilot.press("s")
        await pilot.pause()
        rows = {y for region in app.asked for y in region.line_range}
        assert len(rows) == 1
        assert min(region.x for region in app.asked) >= len("and some more on another") - 3
