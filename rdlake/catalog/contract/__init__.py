"""Read what `sql/` says: the views, their settings, the checks and the questions of the cookbook.

In go the files of `sql/`, or the text that a published version holds of them; out come values that
publishing, rendering and exports use. Every mistake in a file is a BadInput that names file, line
and fix. A version's text is enough to render it again, whatever `sql/` says today.
"""

from __future__ import annotations

from rdlake.catalog.contract.files import (
    checks_digest,
    current_checks,
    current_contract,
    load_queries,
    sql_folder,
)
from rdlake.catalog.contract.stored import contract_of
from rdlake.catalog.contract.values import (
    CONTRACT_VERSION,
    ROWS_SCHEMA,
    TABLES_SCHEMA,
    VIEW_FILES,
    Check,
    Contract,
    Query,
    TableView,
    View,
)

__all__ = [
    "CONTRACT_VERSION",
    "ROWS_SCHEMA",
    "TABLES_SCHEMA",
    "VIEW_FILES",
    "Check",
    "Contract",
    "Query",
    "TableView",
    "View",
    "checks_digest",
    "contract_of",
    "current_checks",
    "current_contract",
    "load_queries",
    "sql_folder",
]
