"""Write a page of HTML that needs nothing beside itself. Text that goes in stays text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from html import escape
from typing import Any

GENERATOR = '<meta name="generator" content="rdlake report">'
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
UNKNOWN = '<span class="unknown">not known</span>'
STYLE = """
:root { color-scheme: light }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 72rem; color: #222;
  background: #fff; font: 15px/1.5 "Helvetica Neue", Arial, "Noto Sans CJK SC",
  "Microsoft YaHei", sans-serif }
h1 { margin: 0; font-size: 1.7rem; font-weight: 600; line-height: 1.25 }
h2 { margin: 2.6rem 0 .7rem; padding-bottom: .25rem; border-bottom: 1px solid #ccc;
  font-size: 1.15rem; font-weight: 600 }
h3 { margin: 1.4rem 0 .3rem; font-size: .95rem; font-weight: 600 }
h1, h2, h3, td, p, figcaption { overflow-wrap: anywhere; unicode-bidi: isolate }
p { margin: .4rem 0; max-width: 46rem; white-space: pre-line }
.about, .unknown, figcaption, td.meaning, th { color: #666 }
table { width: 100%; border-collapse: collapse; font-size: .87rem }
th { text-align: left; font-weight: 500; white-space: nowrap }
th, td { padding: .28rem .9rem .28rem 0; border-bottom: 1px solid #eee; vertical-align: top }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
th.number { text-align: right }
td.name { white-space: nowrap }
td.meaning { font-size: .82rem }
.wide { overflow-x: auto }
figure { margin: 1.2rem 0 }
figure svg { display: block; width: 100%; height: auto }
figcaption { margin-top: .5rem; font-size: .85rem }
pre { margin: .4rem 0 1.2rem; padding: .8rem 1rem; background: #f6f6f4; white-space: pre-wrap;
  overflow-wrap: anywhere; font: .78rem/1.45 "DejaVu Sans Mono", Consolas, "Noto Sans Mono CJK SC",
  monospace }
@page { margin: 16mm 14mm }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt }
  h2, h3 { break-after: avoid }
  figure, tr { break-inside: avoid }
  thead { display: table-header-group }
  .wide { overflow: visible }
  .wide table { font-size: 7.5pt }
  th, td { padding-right: .4rem }
  .new-page { break-before: page }
  pre { background: none; border-left: 2px solid #ccc }
}
"""


def document(title: str, about: str, sections: Iterable[str]) -> str:
    """Return the page; `about` stands below its title."""
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            GENERATOR,
            '<meta name="referrer" content="no-referrer">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>\n</head>\n<body>",
            f'<h1>{escape(title)}</h1>\n<p class="about">{escape(about)}</p>',
            *(each for each in sections if each),
            "</body>\n</html>\n",
        ]
    )


def section(title: str, *parts: str, new_page: bool = False) -> str:
    """Return parts under a heading; nothing if there are no parts."""
    filled = [part for part in parts if part]
    kind = ' class="new-page"' if new_page else ""
    return "\n".join([f"<h2{kind}>{escape(title)}</h2>", *filled]) if filled else ""


def prose(title: str, text: str | None) -> str:
    """Return a paragraph under a small heading; nothing without a text."""
    return f"<h3>{escape(title)}</h3>\n<p>{escape(text)}</p>" if text else ""


def fields(row: Mapping[str, Any], names: Sequence[str], meanings: Mapping[str, str]) -> str:
    """Return fields of one row, each with its meaning; an unknown value is shown as not known."""
    lines = [
        f'<tr><td class="name">{escape(name)}</td>{_cell(row.get(name))}'
        f'<td class="meaning">{escape(meanings.get(name) or "")}</td></tr>'
        for name in names
    ]
    return _table(["field", "value", "meaning"], lines) if lines else ""


def table(rows: Sequence[Mapping[str, Any]], meanings: Mapping[str, str] | None = None) -> str:
    """Return rows of the same columns, and below them what the columns mean."""
    if not rows:
        return ""
    numbers = {name for name in rows[0] if any(isinstance(row[name], float | int) for row in rows)}
    lines = [f"<tr>{''.join(map(_column_cell, row.values()))}</tr>" for row in rows]
    known = {name: text for name in rows[0] if (text := (meanings or {}).get(name))}
    cells = [
        f'<tr><td class="name">{escape(name)}</td><td class="meaning">{escape(text)}</td></tr>'
        for name, text in known.items()
    ]
    notes = "<h3>What the columns mean</h3>\n" + _table(["column", "meaning"], cells)
    return _table(list(rows[0]), lines, numbers) + ("\n" + notes if known else "")


def figure(svg: str, caption: str) -> str:
    """Return a drawing of `charts.canvas` with a caption. A drawing is the only markup that is
    not escaped."""
    return f"<figure>\n{svg}\n<figcaption>{escape(caption)}</figcaption>\n</figure>"


def code(title: str, text: str) -> str:
    """Return lines as they are."""
    return f"<h3>{escape(title)}</h3>\n<pre>{escape(text)}</pre>"


def to_text(value: Any) -> str:
    """Return a value as a person reads it."""
    match value:
        case None:
            text = "not known"
        case bool():
            text = "yes" if value else "no"
        case float():
            text = f"{value:.6g}"
        case datetime():
            text = value.isoformat(sep=" ", timespec="seconds")
        case Mapping():
            text = "\n".join(f"{name}: {to_text(each)}" for name, each in value.items())
        case []:
            text = "none"
        case [Mapping() | list(), *_]:
            text = json.dumps(value, ensure_ascii=False, default=str)
        case list():
            text = ", ".join(map(to_text, value))
        case _:
            text = str(value)
    return text


def _cell(value: Any, kind: str = "") -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return f"<td>{UNKNOWN}</td>"
    return f"<td{kind}>{escape(to_text(value))}</td>"


def _column_cell(value: Any) -> str:
    """Return a cell of a column: numbers align right, days stay on one line."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _cell(value, ' class="number"')
    return _cell(value, ' class="name"' if isinstance(value, date) else "")


def _table(head: Sequence[str], lines: Sequence[str], numbers: Iterable[str] = ()) -> str:
    right = set(numbers)
    heads = "".join(
        f'<th class="number">{escape(name)}</th>' if name in right else f"<th>{escape(name)}</th>"
        for name in head
    )
    body = "\n".join(lines)
    return (
        f'<div class="wide"><table>\n<thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )
