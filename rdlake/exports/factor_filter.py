"""Choose factors of the catalog by a condition: the operator's own SQL, run on a copy."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass

import duckdb

from rdlake.catalog.time_travel import connect
from rdlake.errors import BadInput
from rdlake.store.lake import Lake


@dataclass(frozen=True, order=True)
class CatalogFactor:
    """Describe a factor of the catalog: name, source and formula."""

    name: str
    source: str
    expression: str | None


def choose_factors(
    lake: Lake, *, where: str | None = None, names: Collection[str] = ()
) -> tuple[CatalogFactor, ...]:
    """Return the factors of the newest catalog for which the condition holds and whose name is
    given.

    The condition is one expression over the columns of `factor_catalog`. It runs on a copy in a
    DuckDB of its own, which reaches no file, no network and no other table. Raise BadInput when
    DuckDB refuses it, and for a name that no factor has.
    """
    with connect(lake.root) as catalog:
        catalog_rows = catalog.sql("SELECT * FROM factor_catalog").to_arrow_table()
    with closing(duckdb.connect()) as alone:
        alone.register("rows", catalog_rows)
        alone.execute("CREATE TABLE factor_catalog AS SELECT * FROM rows")
        alone.unregister("rows")
        alone.execute("SET enable_external_access = false")
        alone.execute("SET lock_configuration = true")
        relation = alone.table("factor_catalog")
        try:
            if where is not None:
                relation = relation.filter(duckdb.SQLExpression(where))
            rows = relation.project("name, source, expression").fetchall()
        except duckdb.Error as error:
            raise BadInput(
                f"DuckDB refused the condition: {error}",
                where=f"--where {where!r}",
                fix="one condition over the columns of factor_catalog: "
                'rdlake sql "DESCRIBE factor_catalog" lists them',
            ) from error
    chosen = sorted(CatalogFactor(*row) for row in rows if not names or row[0] in names)
    if missing := sorted(set(names) - {each.name for each in chosen}):
        raise BadInput(
            f"no such factor: {', '.join(missing)}",
            where="factor_catalog" if where is None else f"factor_catalog WHERE {where}",
            fix='rdlake sql "SELECT name, source FROM factor_catalog" lists them',
        )
    return tuple(chosen)
