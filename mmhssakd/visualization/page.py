"""Pieces of a self-contained HTML page: no file beside it, no script, nothing loaded from elsewhere."""

import base64
import io
from html import escape
from typing import Dict, Iterable, List, Sequence

from matplotlib.figure import Figure

CSS = """
:root { color-scheme: light dark; --text: #1a1a1a; --quiet: #444; --page: #fff; --line: #ddd; --link: #005a8e; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e6e6; --quiet: #b0b0b0; --page: #16181c; --line: #3d4148; --link: #7cc4f5; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 74rem;
       margin: 1rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .3rem; } section + section h2 { margin-top: 3rem; }
h2 { font-size: 1.25rem; margin: 1.2rem 0 .5rem; border-bottom: 1px solid var(--line); } nav a { margin-right: 1rem; }
a, summary { color: var(--link); } summary { cursor: pointer; margin: .7rem 0; }
.answer { font-size: 1.15rem; font-weight: 600; margin: .5rem 0; } .wide { overflow-x: auto; }
.row { display: flex; flex-wrap: wrap; gap: 1rem; align-items: start; margin: 1rem 0; }
.row > * { flex: 1 1 20rem; min-width: 0; margin: 0; } .row > .wide { flex: 2 1 34rem; }
.wide img { min-width: 44rem; }
table { border-collapse: collapse; font-size: .85rem; overflow-wrap: normal; } caption { text-align: left; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .5rem; text-align: left; vertical-align: top; }
td { font-variant-numeric: tabular-nums; } caption, figcaption, .note { color: var(--quiet); font-size: .9rem; }
.note { border-left: 4px solid #E69F00; padding-left: .7rem; } figure { margin: 1rem 0; }
img { max-width: 100%; height: auto; background: #fff; border-radius: 6px; }
"""


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """A table; the first cell of a row is its heading."""
    columns = ''.join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = ''
    for first, *cells in rows:
        body += f'<tr><th scope="row">{escape(first)}</th>' + ''.join(f'<td>{escape(cell)}</td>' for cell in cells)
        body += '</tr>'
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption><thead><tr>{columns}</tr></thead>'
        f'<tbody>{body}</tbody></table></div>'
    )


def picture(figure: Figure, caption: str, wide: bool = False) -> str:
    """A figure as a PNG; its caption is also what a screen reader says. A wide one scrolls on a narrow screen."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=160)
    source = base64.b64encode(buffer.getvalue()).decode()
    size = f'width="{figure.get_figwidth() * 100:.0f}" height="{figure.get_figheight() * 100:.0f}"'
    return (
        f'<figure{" class=wide" if wide else ""}>'
        f'<img alt="{escape(caption)}" {size} src="data:image/png;base64,{source}">'
        f'<figcaption>{escape(caption)}</figcaption></figure>'
    )


def row(parts: Iterable[str]) -> str:
    """Parts beside each other, as many as the screen has room for."""
    return f'<div class="row">{"".join(parts)}</div>'


def paragraph(text: str, kind: str = 'note') -> str:
    """Something that the reader must know: the ``answer``, or a ``note``, such as why a picture is missing."""
    return f'<p class="{kind}">{escape(text)}</p>'


def folded(summary: str, content: str) -> str:
    """Something that shows when the reader asks for it."""
    return f'<details><summary>{escape(summary)}</summary>{content}</details>'


def html(title: str, sections: Dict[str, List[str]]) -> str:
    """The whole page: a heading, and sections of what the functions above made."""
    links = ''.join(f'<a href="#s{i}">{escape(heading)}</a>' for i, heading in enumerate(sections))
    body = ''.join(
        f'<section id="s{i}"><h2>{escape(heading)}</h2>{"".join(parts)}</section>'
        for i, (heading, parts) in enumerate(sections.items())
    )
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><style>{CSS}</style></head><body><h1>{escape(title)}</h1>'
        f'<nav aria-label="Sections">{links}</nav><main>{body}</main></body></html>\n'
    )
