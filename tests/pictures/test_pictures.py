"""Pictures show what is on the screen, in the right cells and at the right time."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import pytest

from app.frame.registry import VIEWS
from app.main import InsttuiApp
from tests.app.pair_app import library_app
from tests.pictures.picture import Look, Picture, Run
from tests.pictures.scenes import FILM, SCENES, STORED
from tests.pictures.svg import film, still

PLAIN = Look("#ffffff", "#000000")
SVG = "{http://www.w3.org/2000/svg}"


def picture(*lines: str, columns: int = 24, look: Look = PLAIN) -> Picture:
    rows = tuple((Run(0, line.ljust(columns), look),) for line in lines)
    return Picture((columns, len(lines)), rows, PLAIN.ground)


def elements(svg: str, tag: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(svg).iter(SVG + tag))


def test_every_view_is_photographed() -> None:
    assert {scene.view for scene in (*SCENES, *STORED)} == {view.id for view in VIEWS}
    assert {take.view for take in FILM} <= {view.id for view in VIEWS}


def test_a_blank_picture_a_traceback_and_rows_that_do_not_fit_are_faults() -> None:
    words = ["header", *["what the view shows"] * 3, "keys"]
    assert picture(*words).faults() == []
    assert picture("header", "", "", "keys").faults() == ["nearly blank"]
    trace = "Traceback (most recent call last)"
    assert trace in picture(*words, trace, columns=40).faults()[0]
    wide = picture(*words)._replace(size=(20, len(words)))
    assert wide.faults() == ["5 rows of [24] cells on 20x5"]


async def test_a_picture_has_the_text_and_the_colours_of_the_screen(tmp_path: Path) -> None:
    with library_app(tmp_path) as app:
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause(0.3)
            taken = Picture.of(app)
            strips = app.screen._compositor.render_strips()
    assert taken.faults() == []
    assert taken.text == "\n".join(strip.text.rstrip() for strip in strips)
    assert isinstance(app, InsttuiApp)
    assert app.current_theme.dark
    assert len({run.look.colour for row in taken.rows for run in row}) > 3


def test_text_stands_in_its_cells_and_blocks_are_boxes() -> None:
    svg = still(picture("a <b>  語 c", "██▌▒"), "two & more")
    texts = elements(svg, "text")
    assert [text.text for text in texts] == ["a <b>", "語 c"]
    width = float(texts[0].get("textLength")) / 5
    assert [float(text.get("x")) / width for text in texts] == pytest.approx([0, 7], abs=0.01)
    assert float(texts[1].get("textLength")) == pytest.approx(4 * width, abs=0.1)
    _, *boxes = elements(svg, "rect")
    spans = [(float(box.get("x")) / width, float(box.get("width")) / width) for box in boxes]
    assert spans == [pytest.approx(each, abs=0.01) for each in [(0, 2), (2, 0.5), (3, 1)]]
    assert [box.get("opacity") for box in boxes] == [None, None, "0.5"]
    assert elements(svg, "title")[0].text == "two & more"


def test_a_film_shows_each_picture_in_its_time_and_ends_on_the_last() -> None:
    pictures = [picture("always", line) for line in ("one", "two", "one", "three")]
    svg = film(pictures, [1, 2, 3, 4], "film")
    rules = "".join(style.text for style in elements(svg, "style"))
    frames = {
        name: [
            (float(at), state == "1") for at, state in re.findall(r"([\d.]+)%{opacity:(.)}", body)
        ]
        for name, body in re.findall(r"@keyframes (\w+){((?:[\d.]+%{opacity:.})+)}", rules)
    }
    at_rest = {name: state == "1" for name, state in re.findall(r"}\.(\w+){opacity:(.)}", rules)}
    shown = defaultdict(set)
    for group in elements(svg, "g"):
        name = group.get("class")
        if name is None:
            continue
        words = {text.text for text in group.iter(SVG + "text")}
        if at_rest.get(name, True):
            shown["at rest"] |= words
        for moment in (5, 20, 50, 90):
            states = [state for at, state in frames.get(name, [(0, True)]) if at <= moment]
            if states[-1]:
                shown[moment] |= words
    assert [shown[moment] for moment in (5, 20, 50, 90)] == [
        {"always", "one"},
        {"always", "two"},
        {"always", "one"},
        {"always", "three"},
    ]
    assert shown["at rest"] == {"always", "three"}
    assert rules.count("10s step-end infinite") == 3
