"""A page as data, written as Markdown and as HTML: the same words in both.

All text is escaped here, so that no token, prompt or name is read as markup, and what cannot be
seen is spelled out. The HTML has its styles in itself, no script, and reads on a telephone, in
daylight and at night.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal, TypeAlias
from urllib.parse import quote

from analysis.studies.report import in_words, of_numbers, rows_text, seen, text
from analysis.table import Table


@dataclass(frozen=True)
class Heading:
    """A heading; others may link to its anchor, a word of ours."""

    level: Literal[1, 2, 3]
    words: str
    anchor: str = ""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `kind` is how it is set: a caveat stands apart."""

    words: str
    kind: Literal["", "caveat", "aside"] = ""


@dataclass(frozen=True)
class Items:
    """A list of sentences; each may begin with a word that links to a place or a file."""

    items: tuple[Item, ...]


@dataclass(frozen=True)
class Item:
    """A sentence of a list, behind what it is about, which links to `target` unless that is empty.

    A target is a relative path, or an anchor behind ``#``.
    """

    words: str
    about: str = ""
    target: str = ""


@dataclass(frozen=True)
class Picture:
    """A figure that is drawn beside the page: ``<path>.svg`` and ``<path>.png``."""

    path: str
    title: str


@dataclass(frozen=True)
class Command:
    """A command line, to be copied."""

    line: str


@dataclass(frozen=True)
class Rows:
    """A table, with a word on how to read it."""

    table: Table


Block: TypeAlias = Heading | Paragraph | Items | Picture | Command | Rows


def as_markdown(blocks: Iterable[Block]) -> str:
    return "\n\n".join(map(_markdown, blocks)) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading(level, words, anchor):
            # Where headings have no anchors of their own, or others.
            place = f'<a id="{escape(anchor)}"></a>' if anchor else ""
            return f"{'#' * level} {place}{text(words)}"
        case Paragraph(words, "caveat"):
            return f"> {text(words)}"
        case Paragraph(words):
            return text(words)
        case Items(items):
            return "\n".join(f"- {_item(each)}" for each in items)
        case Picture(path, title):
            return f"![{text(title)}]({quote(path)}.png)"
        case Command(line):
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", line)), default=0))
            return f"{fence}sh\n{seen(line)}\n{fence}"
        case Rows(table):
            return rows_text(table)


def _item(item: Item) -> str:
    if not item.about:
        return text(item.words)
    about = f"[{text(item.about)}]({_target(item.target)})" if item.target else text(item.about)
    return f"{about}: {text(item.words)}" if item.words else about


def _target(target: str) -> str:
    return quote(target, safe="/#")


def as_html(title: str, blocks: Iterable[Block]) -> str:
    """A whole document, which needs nothing beside it but its pictures."""
    body = "\n".join(map(_html, blocks))
    return _DOCUMENT.format(title=_shown(title), style=_STYLE, body=body)


def _html(block: Block) -> str:
    match block:
        case Heading(level, words, anchor):
            place = f' id="{escape(anchor)}"' if anchor else ""
            return f"<h{level}{place}>{_shown(words)}</h{level}>"
        case Paragraph(words, kind):
            return f'<p class="{kind}">{_shown(words)}</p>' if kind else f"<p>{_shown(words)}</p>"
        case Items(items):
            lines = "\n".join(f"<li>{_html_item(each)}</li>" for each in items)
            return f"<ul>\n{lines}\n</ul>"
        case Picture(path, title):
            file = escape(quote(path))
            image = f'<img src="{file}.svg" alt="{_shown(title)}" loading="lazy">'
            return f'<figure><a href="{file}.svg">{image}</a></figure>'
        case Command(line):
            return f"<pre><code>{_shown(line)}</code></pre>"
        case Rows(table):
            return _html_rows(table)


def _html_item(item: Item) -> str:
    if not item.about:
        return _shown(item.words)
    about = _shown(item.about)
    if item.target:
        about = f'<a href="{escape(_target(item.target))}">{about}</a>'
    return f"{about}: {_shown(item.words)}" if item.words else about


def _html_rows(table: Table) -> str:
    rows = list(table)
    classes = [' class="number"' if each else "" for each in of_numbers(table.columns, rows)]
    head = _cells("th", table.columns, classes)
    lines = "\n".join(_cells("td", [in_words(cell) for cell in row], classes) for row in rows)
    return f'<div class="wide"><table>\n{head}\n{lines}\n</table></div>'


def _cells(tag: str, words: Sequence[str], classes: Sequence[str]) -> str:
    cells = zip(words, classes, strict=True)
    return f"<tr>{''.join(f'<{tag}{kind}>{_shown(each)}</{tag}>' for each, kind in cells)}</tr>"


def _shown(words: str) -> str:
    """Text for HTML, also within quotes: nothing of it is markup, and nothing is unseen."""
    return escape(seen(words))


_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --dim: #5c5c5c; --line: #d5d5d5;
  --back: #f4f4f2; --link: #0b5cad; --mark: #b3591a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e4e2; --paper: #161718; --dim: #a3a3a0;
  --line: #3a3b3d; --back: #212325; --link: #7db7f5; --mark: #e39a63; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 52rem; padding: 1rem 1rem 4rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { font-size: 1.25rem; margin-top: 2.5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin-bottom: .25rem; }
a { color: var(--link); }
ul { padding-left: 1.25rem; }
li { margin: .3rem 0; }
.caveat { border-left: .25rem solid var(--mark); padding: .1rem 0 .1rem .8rem; }
.aside { color: var(--dim); font-size: .9rem; }
figure { margin: 1rem 0; }
img { display: block; width: 100%; height: auto; background: #fff; border-radius: .25rem; }
pre { background: var(--back); padding: .6rem .8rem; overflow-x: auto; border-radius: .25rem; }
code { font: .85rem/1.4 ui-monospace, monospace; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; overflow-wrap: normal; }
th, td { text-align: left; vertical-align: top; padding: .25rem .7rem .25rem 0;
  border-bottom: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
"""

_DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="script-src 'none'; object-src 'none'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
