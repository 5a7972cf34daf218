"""Read the SQL that versions hold which rdlake published before settings had a file of their own.

A version is rendered from its row for good, so lakes with such rows must stay readable. Their text
has the settings in comments: `-- key:` above a view, `/* files of … */` in a table's view, and
`/* rows of … */ ( … ) /* made when published */` around the query of a materialized view. The names
of the files of materialized views follow from that text too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rdlake.catalog.contract.settings import GROUP_SIZE, Relations, ViewSettings
from rdlake.catalog.contract.values import ROWS_SCHEMA, TABLES_SCHEMA, Contract, TableView, View

_STATEMENT = re.compile(
    r"^(?:-- key: (?P<key>.+)\n)?CREATE VIEW (?P<name>[\w.]+) AS\n", re.MULTILINE
)
_TABLE = re.compile(
    r"SELECT (?P<casts>.*)\n"
    r"FROM /\* files of \w+ \*/ \((?P<nulls>SELECT .* WHERE false)\) /\* or none \*/"
)
_ROWS = re.compile(
    r"/\* rows of \w+"
    r"(?: by (?P<by>\w+)(?: as (?P<shown_as>\w+))?(?: in (?P<parts>\d+) parts)?)?"
    r"(?: in groups of (?P<group>\d+))? \*/ \("
    r"(?P<query>.*?)\n *\) /\* made when published \*/",
    re.DOTALL,
)


def is_old_text(text: str) -> bool:
    """Say whether a version's text is of the old form."""
    return not text.startswith("--- settings\n")


def read_old_text(text: str) -> Contract:
    """Return the contract that a text of the old form states."""
    tables, views = {}, {}
    statements = list(_STATEMENT.finditer(text))
    ends = [*(found.start() for found in statements[1:]), len(text)]
    for found, end in zip(statements, ends, strict=True):
        statement = text[found.end() : end]
        select, _, comments = statement.partition("COMMENT ON VIEW ")
        select, comments = select.rstrip("\n;"), f"COMMENT ON VIEW {comments}".rstrip("\n")
        if found["name"].startswith(f"{TABLES_SCHEMA}."):
            name = found["name"].removeprefix(f"{TABLES_SCHEMA}.")
            parts = _TABLE.fullmatch(select)
            assert parts
            tables[name] = TableView(name, parts["casts"], parts["nulls"], comments)
        else:
            name = found["name"]
            views[name] = _view(name, found["key"].split(", "), select, comments)
    return Contract(text=text, tables=tables, views=views, relations=Relations(), is_old=True)


def _view(name: str, key: list[str], select: str, comments: str) -> View:
    rows = _ROWS.search(select)
    settings: Mapping[str, object] = {"key": key}
    if rows:
        by = {"by": rows["by"], "shown_as": rows["shown_as"], "parts": int(rows["parts"] or 1)}
        group = int(rows["group"] or GROUP_SIZE)
        settings = {"key": key, "materialized": True, "group": group, **(by if rows["by"] else {})}
    return View(
        name=name,
        select=rows["query"] if rows else select,
        shown=_ROWS.sub(f"{ROWS_SCHEMA}.{name}()", select),
        comments=comments,
        settings=ViewSettings.model_validate(settings),
        origin="the text of the version in tables/catalogs",
    )
