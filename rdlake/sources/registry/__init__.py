"""Read the registry.sqlite that a fork of RD-Agent writes.

`sqlite_rows` opens the file without writing beside it and returns its rows. `read` turns the rows
into a `Registry`. No cell is trusted: a bad value is left out with a warning, a row without the
names that it needs is left out with an error.
"""

from __future__ import annotations

from rdlake.sources.registry.read import build_runs, read_registry

__all__ = ["build_runs", "read_registry"]
