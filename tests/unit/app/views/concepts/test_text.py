"""Lines about components: what fits, what is cut, what is said where something is missing."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from analysis.concepts.changes import component_words
from analysis.concepts.request import ConceptsRequest
from analysis.request import ModelChoice
from analysis.words.choice import Words
from app.views.concepts.atlas import ConceptAtlas
from app.views.concepts.component_list import signed_words
from app.views.concepts.text import details, details_beside, headline, summary
from tests.support.scripted_concepts import NOTE, RANK, WORDS, layer_concepts


def filled(words=WORDS, expert=-1):
    base, tuned = (ModelChoice(name, name) for name in ("base", "tuned"))
    atlas = ConceptAtlas()
    request = ConceptsRequest(base, tuned, 0, Words("demo"), expert)
    atlas.add(layer_concepts(request, words=words))
    return atlas


def shown(lines):
    return ["".join(text for text, _ in line) for line in lines]


@pytest.mark.parametrize("width", [60, 78, 198])
def test_the_line_above_is_the_longest_wording_that_fits(width):
    text = "".join(text for text, _ in summary(0, -1, filled().layer(0), 4096, width))
    assert cell_len(text) <= max(width, 66)
    assert f"{RANK} components" in text
    assert "subspaces turned by" in text
    assert ("of the variance" in text) == (width >= 78)
    assert ("components by" in text) == (width == 198)


def test_the_line_above_names_the_expert_and_a_layer_that_is_missing():
    layer = filled(expert=2).layer(0)
    assert summary(0, 2, layer, 4096, 80)[0] == ("layer 0 · expert 2", "strong")
    assert "not computed yet" in "".join(text for text, _ in summary(7, -1, None, 4096, 80))


@pytest.mark.parametrize("width", [58, 78, 198])
@pytest.mark.parametrize("height", [6, 8])
def test_details_fill_exactly_their_lines_and_say_where_they_are_cut(width, height):
    long = tuple(f"word{'x' * 30}{number}" for number in range(12))
    for words in (WORDS, long, tuple("漢字" * 9 + str(n) for n in range(12))):
        atlas = filled(words)
        row = atlas.rows(0)[2]
        lines = shown(details(atlas.layer(0), row, None, (), width=width, height=height))
        assert len(lines) == height
        assert all(cell_len(line.rstrip()) <= max(width, 78) for line in lines)
        for line, name in zip(lines[1:4], ("kept", "gained", "lost"), strict=True):
            of_group = getattr(row, name)
            assert f"{name} {len(of_group)}:" in line
            assert "…" in line or all(word in line for word in of_group)
        assert "concepts --annotate" in " ".join(lines[4:])


@pytest.mark.parametrize("width", [54, 62])
def test_beside_the_list_every_word_has_its_sign_and_its_cosine(width):
    atlas = filled()
    layer, row = atlas.layer(0), atlas.rows(0)[2]
    lines = shown(details_beside(layer, row, None, (), width=width))
    assert all(cell_len(line.rstrip()) <= width for line in lines)
    text = " ".join(" ".join(lines).split())
    for side, component, sign in ((layer.base, row.base, "−"), (layer.tuned, row.tuned, "+")):
        measures = side.measures[component]
        for word, measure in zip(component_words(side, component), measures, strict=True):
            assert f"{'=' if word in row.kept else sign} {word} {measure:+.2f}" in text


@pytest.mark.parametrize("width", [60, 78, 198])
def test_the_headline_names_the_layer_that_turned_most(width):
    text = "".join(text for text, _ in headline({0: 51.23, 3: 62.0, 1: 55.0}, "", width))
    assert text.startswith("Tuning turned layer 3 most: its components by 62.0°")
    assert ("layer 0 least, by 51.2°" in text) == (width == 198)
    assert cell_len(text) <= width
    assert "No layer" in headline({}, "", width)[0][0]


def test_notes_are_said_once_with_those_of_the_models():
    atlas = filled()
    given = (atlas.layer(0), atlas.rows(0)[0], None, (NOTE, "Other."))
    text = " ".join(shown(details(*given, width=200, height=6)))
    assert text.count(NOTE) == 1
    assert "Other." in text
    # A layer that is not there has no details.
    assert details(None, None, None, (), width=80, height=8) == []


def test_words_are_cut_where_the_room_ends():
    side = filled().layer(0).base
    whole = signed_words(side, 3)
    for cells in range(1, 60):
        text = signed_words(side, 3, cells=cells)
        assert cell_len(text) <= cells
        assert whole.startswith(text.rstrip("…"))
        assert text == whole or text.endswith("…")
        assert (text == whole) == (cells >= cell_len(whole))
