"""Print what commands say: data on stdout, talk on stderr, progress on a terminal only."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import click

F = Callable[..., Any]
WIDE = 500
"""The width of a table that is not printed to a terminal."""
_BREAKS = re.compile("[\x85\u2028\u2029]")
"""Characters that some readers take for the end of a line, and that JSON does not escape."""


def lake_option(command: F) -> F:
    """Add --lake, with the setting as its default."""
    from rdlake.settings import Settings

    return click.option(
        "--lake",
        "lake_root",
        metavar="DIR",
        default=lambda: Settings().lake,
        help="The lake's folder  [default: RDLAKE_LAKE, else lake]",
    )(command)


def json_option(command: F) -> F:
    """Add --json, for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def say(message: str) -> None:
    """Print a message for the person to stderr."""
    click.echo(message, err=True)


def show_json(value: Any) -> None:
    """Print a value as strict JSON."""
    click.echo(json.dumps(_strict(value), ensure_ascii=False, indent=2, allow_nan=False))


def show_line(value: Any) -> None:
    """Print a value as strict JSON on one line, whatever the reader takes for the end of a line."""
    text = json.dumps(_strict(value), ensure_ascii=False, allow_nan=False)
    click.echo(_BREAKS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def show(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows as a table for a person, or as JSON for a program."""
    if as_json:
        show_json([{name: row.get(name) for name in columns} for row in rows])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        table.add_column(name, justify="right" if _numeric(rows, name) else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_text(row.get(name)) for name in columns))
    width = None if sys.stdout.isatty() else WIDE
    Console(width=width).print(table)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show a progress bar on a terminal; show nothing elsewhere."""
    if not _terminal():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(TextColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f}/s" if task.speed else "")

    done, left = MofNCompleteColumn(), TimeRemainingColumn()
    columns = (TextColumn(what), BarColumn(), done, Rate(""), left)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _terminal() -> bool:
    return sys.stderr.isatty()


def _numeric(rows: Sequence[dict[str, Any]], name: str) -> bool:
    values = [row[name] for row in rows if row.get(name) is not None]
    return bool(values) and all(isinstance(each, int | float) for each in values)


def _text(value: Any) -> str:
    from rich.markup import escape

    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, list | tuple):
        return escape(", ".join(str(each) for each in value))
    return escape(str(value))


def _strict(value: Any) -> Any:
    """Return the value in terms of JSON; NaN and infinity become null."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _strict(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(each) for each in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)
