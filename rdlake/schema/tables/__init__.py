"""List every table of the lake: name, meaning, columns, key. Only this package knows a schema.

The order of `TABLES` is the order in which a batch commits: referenced rows first, `loops` late,
`ingests` last. So the views never show half a batch.
"""

from __future__ import annotations

from rdlake.schema.tables import experiments, factors, operations
from rdlake.schema.tables.schema import Column, Table

__all__ = ["LAKE_FORMAT", "TABLES", "Column", "Table", "table"]

LAKE_FORMAT = 1
"""The format of a lake. It is raised when a lake of an older rdlake can no longer be read as it is;
new columns do not raise it."""

TABLES: tuple[Table, ...] = (
    operations.EVIDENCE,
    operations.BLOBS,
    experiments.ARTIFACTS,
    experiments.CHARTS,
    experiments.STRATEGIES,
    experiments.MODELS,
    experiments.FEEDBACK,
    factors.FACTORS,
    factors.IMPLEMENTATIONS,
    factors.FACTOR_IC,
    factors.FACTOR_PERF,
    factors.FACTOR_COMBINATIONS,
    factors.FACTOR_PAIRS,
    experiments.EQUITY_CURVES,
    experiments.SIGNALS,
    experiments.TASK_RUNS,
    experiments.EXPERIMENT_GROUPS,
    experiments.WORKSPACES,
    experiments.LOOPS,
    operations.PINS,
    operations.ARCHIVES,
    operations.CLEANUPS,
    operations.INGESTS,
    operations.FILE_LISTS,
    operations.CATALOGS,
)

_BY_NAME = {entry.name: entry for entry in TABLES}


def table(name: str) -> Table:
    """Return the table of that name; raise KeyError when there is none."""
    return _BY_NAME[name]
