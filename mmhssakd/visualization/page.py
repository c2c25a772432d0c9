"""Pieces of a self-contained HTML page: no file beside it, no script, nothing loaded from elsewhere."""

import base64
import io
from html import escape
from typing import Dict, List, Sequence

from matplotlib.figure import Figure

CSS = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
       max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.3rem; margin-top: 2.5rem; border-bottom: 1px solid #ccc; }
nav a { margin-right: 1rem; } a { color: #005a8e; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
caption { text-align: left; color: #444; padding: .3rem 0; }
th, td { border-bottom: 1px solid #ddd; padding: .25rem .7rem; text-align: left; vertical-align: top; }
td { font-variant-numeric: tabular-nums; } summary { cursor: pointer; color: #005a8e; }
figure { margin: 1rem 0; } img { max-width: 100%; height: auto; } figcaption, .note { color: #444; font-size: .9rem; }
.note { border-left: 4px solid #E69F00; padding-left: .7rem; }
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


def picture(figure: Figure, caption: str) -> str:
    """A figure, embedded as a PNG; its caption is also what a screen reader says."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=110)
    source = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{source}">'
        f'<figcaption>{escape(caption)}</figcaption></figure>'
    )


def note(text: str) -> str:
    """Something that the reader must know, such as why a picture is missing."""
    return f'<p class="note">{escape(text)}</p>'


def folded(summary: str, content: str) -> str:
    """Something that shows when the reader asks for it."""
    return f'<details><summary>{escape(summary)}</summary>{content}</details>'


def html(title: str, about: str, sections: Dict[str, List[str]]) -> str:
    """The whole page: a heading, a paragraph below it, and sections of what the functions above made."""
    links = ''.join(f'<a href="#s{i}">{escape(heading)}</a>' for i, heading in enumerate(sections))
    body = ''.join(
        f'<section id="s{i}"><h2>{escape(heading)}</h2>{"".join(parts)}</section>'
        for i, (heading, parts) in enumerate(sections.items())
    )
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><style>{CSS}</style></head><body><h1>{escape(title)}</h1><p>{escape(about)}</p>'
        f'<nav aria-label="Sections">{links}</nav><main>{body}</main></body></html>\n'
    )
