"""Muted text can be read on its background, in dark themes and in light ones."""

from __future__ import annotations

import pytest
from rich.color import Color

from app.config import Settings
from app.widgets.item_list import ItemList
from app.widgets.lines import Lines
from tests.app.pair_app import pair_at, started


def luminance(color: Color) -> float:
    """Relative luminance of the WCAG, 0 to 1."""
    channels = [each / 255 for each in color.get_truecolor()]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(style) -> float:
    """Contrast ratio of text and background, 1 to 21."""
    light, dark = sorted((luminance(style.color), luminance(style.bgcolor)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "nord", "solarized-light"])
async def test_muted_text_is_readable(tmp_path, theme):
    async with pair_at(started, tmp_path, settings=Settings(theme=theme)) as (pair, _):
        for widget in (pair.app.query(Lines).first(), pair.app.query(ItemList).first()):
            muted = contrast(widget.rich_style + widget._style("dim"))
            assert muted > 3
