"""The overview's page: the same words in Markdown and HTML, nothing from outside markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from analysis.problems import ProblemError
from analysis.studies.findings import Figure, Findings, NamedTable, Series
from analysis.studies.markup import Command, Item, Items, Paragraph, as_html, as_markdown
from analysis.studies.overview import Overview, Section
from analysis.studies.overview_page import (
    MOST_ROWS,
    MOST_SENTENCES,
    check_overview_place,
    write_overview,
)
from analysis.table import Table

EVIL = "<script>x</script> \"q\" & 'p' [l](javascript:x) ![i](x) `c` \x1b[31m\u202e\x00\ud800"
TABLE = NamedTable("cases", "Cases", Table(("token", "share"), [(EVIL, 1 / 3)] * 20), note=EVIL)
FIGURE = Figure("plot", f"A plot {EVIL}", "layer", "angle", (Series("s", (0, 1), (1.0, 2.0)),))
MODELS = Table(("role", "model"), [("base", EVIL), ("tuned", "b")])


class Tags(HTMLParser):
    """Every element and its attributes, and the text between."""

    def __init__(self, text):
        super().__init__()
        self.found, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def of(self, tag, name):
        return [attrs[name] for each, attrs in self.found if each == tag and name in attrs]


def found(study="heads", **changes):
    given = {
        "study": study,
        "title": "heads <i>changed</i>",
        "statements": (f"Heads changed: p 0.01. {EVIL}", "So it is."),
        "tables": (TABLE,),
        "figures": (FIGURE,),
        "notes": (EVIL,),
        **changes,
    }
    return Findings(**given)


def page(*sections, **changes):
    given = {"base": EVIL, "tuned": ("b",), "models": MODELS, "warnings": (EVIL,), **changes}
    return Overview(sections=sections, **given)


def of_heads(findings=None, command="insttui study heads --vocab 'a```b'"):
    return Section("heads", "heads", command, findings or found())


LEFT = Section("clusters", "clusters", "insttui study clusters", without="No heads.")


def test_the_page_has_summary_findings_caveat_figure_command_and_files(tmp_path):
    path = write_overview(page(of_heads(), LEFT, made="Made today."), tmp_path)
    assert path == tmp_path / "report.html"
    tags = Tags(path.read_text(encoding="utf-8"))
    words = "".join(tags.words)
    links = tags.of("a", "href")
    assert links[:2] == ["#heads", "#clusters"]
    assert {"heads", "clusters"} <= set(tags.of("h2", "id"))
    assert tags.of("img", "src") == ["heads/plot.svg"]
    assert {"heads/report.md", "heads/cases.csv"} <= set(links)
    assert "Caveat: Word pairs are read off the weights" in words
    assert "insttui study heads --vocab 'a```b'" in words
    assert words.count("Left out: No heads.") == 2
    assert "Made today." in words
    assert "That there are several sections is not corrected for." in words
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "[heads](#heads): Heads changed" in text
    assert "](heads/plot.png)" in text
    assert "> Caveat: " in text
    assert "````sh\ninsttui study heads" in text


def test_nothing_from_outside_is_markup_and_nothing_is_unseen(tmp_path):
    write_overview(page(of_heads()), tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    tags = Tags(html)
    names = {tag for tag, _ in tags.found}
    assert not names & {"script", "i"}
    assert not [name for _, attrs in tags.found for name in attrs if name.startswith("on")]
    assert not [each for each in tags.of("a", "href") if ":" in each]
    assert "<script>x</script>" in "".join(tags.words)
    for written in (html, text):
        assert not set(written) & {"\x1b", "\u202e", "\x00"}
        assert "u001b" in written
        assert "u202e" in written
    assert re.findall(r"(?<!\\)<[^>]*>", text) == ['<a id="heads">', "</a>"]
    assert not re.search(r"(?<!\\)\]\((?!#|heads/)", text)


def test_the_page_reads_on_a_telephone_and_at_night_and_stands_alone(tmp_path):
    html = as_html("t", [Paragraph("p")])
    assert "width=device-width" in html
    assert "prefers-color-scheme: dark" in html
    tags = Tags(html)
    assert not tags.of("link", "href")
    assert not tags.of("script", "src")
    assert "http" not in html.replace("http-equiv", "")


def test_a_section_without_a_figure_shows_its_first_rows_and_long_ones_are_cut(tmp_path):
    many = tuple(f"Sentence {number}." for number in range(MOST_SENTENCES + 3))
    write_overview(page(of_heads(found(figures=(), statements=many))), tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert text.count("| 0.3333 |") == MOST_ROWS
    assert f"Sentence {MOST_SENTENCES - 1}." in text
    assert f"Sentence {MOST_SENTENCES}." not in text
    assert "… and 3 more in the section's own report." in text


def test_a_run_shows_its_curves(tmp_path):
    curves = tuple(
        Figure(f"curve-{name}", name, "step", "y", FIGURE.series) for name in ("a", "b", "c", "d")
    )
    write_overview(page(of_heads(found(figures=curves)), tuned=("s1", "s2")), tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert Tags(html).of("img", "src") == [f"heads/curve-{name}.svg" for name in "abc"]
    assert "and 2 steps of training" in html


def test_the_demo_s_models_are_said_to_be_small(tmp_path):
    small = page(of_heads(), base="demo-base", tuned=("demo-tuned",))
    write_overview(small, tmp_path)
    assert "nothing about large models" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_the_same_page_is_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_overview(page(of_heads()), tmp_path / name)
    for file in ("report.md", "report.html"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_what_is_in_the_way_is_said(tmp_path):
    (tmp_path / "report.html").mkdir()
    with pytest.raises(ProblemError, match="cannot be written"):
        check_overview_place(tmp_path)
    check_overview_place(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_lists_and_commands_stay_on_their_lines():
    blocks = [Items((Item("a\nb"), Item("", "c", "d e/f"))), Command("one\ntwo")]
    assert as_markdown(blocks) == "- a\\\\u000ab\n- [c](d%20e/f)\n\n```sh\none\\u000atwo\n```\n"
