"""Open the Delta tables of a lake, each once, and bring a table to its newest version when it is
used."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from deltalake import DeltaTable
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import DeltaError, TableNotFoundError

from rdlake.errors import UnsupportedLake
from rdlake.schema.tables import Table, table
from rdlake.store.delta import create_table
from rdlake.store.delta_log import commit_entry, entry_path, log_folder, sync_commit
from rdlake.store.durable import sync
from rdlake.store.translate import storage_door


class OpenTables:
    """Hold the open tables below a root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open: dict[str, DeltaTable] = {}
        self._flushed: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.root)!r})"

    def folder(self, name: str) -> Path:
        """Return the folder of a table."""
        return self.root / "tables" / table(name).name

    def settle(self, name: str) -> None:
        """Flush a table's newest commit when another process made it.

        Its writer may have been stopped before it could, and nothing may rest on rows that can
        still be lost.
        """
        if delta := self._delta(table(name)):
            self._settle(table(name), delta)

    def _delta(self, entry: Table) -> DeltaTable | None:
        """Return the table at its newest version; None when it was never written to."""
        folder = self.folder(entry.name)
        with storage_door(folder):
            if entry.name in self._open:
                self._update(entry, folder)
            elif log_folder(folder).is_dir():
                # A process that creates the table now may not have written its log yet.
                with suppress(TableNotFoundError):
                    self._open[entry.name] = DeltaTable(str(folder))
            return self._open.get(entry.name)

    def _update(self, entry: Table, folder: Path) -> None:
        """Bring an open table to its newest version.

        Its log may have been cut short at either end: a torn entry was moved aside, or old entries
        were removed.
        """
        here = entry_path(folder, self._open[entry.name].version())
        try:
            if here.exists() and entry_path(folder, self._open[entry.name].version() + 1).exists():
                self._open[entry.name].update_incremental()
        except DeltaError:
            if here.exists():
                raise
        if not here.exists():
            self._open[entry.name] = DeltaTable(str(folder))

    def _version(self, entry: Table) -> int | None:
        delta = self._delta(entry)
        return int(delta.version()) if delta else None

    def existing(self, entry: Table) -> DeltaTable:
        delta = self._delta(entry)
        assert delta is not None
        return delta

    def _writable(self, entry: Table) -> DeltaTable:
        """Return the table with every declared column; create what is missing."""
        delta = self._delta(entry)
        if delta is None:
            create_table(entry, self.folder(entry.name), entry.meaning)
            delta = self.existing(entry)
        self._settle(entry, delta)
        fields = {each.name: each for each in delta.schema().fields}
        if unknown := fields.keys() - set(entry.column_names):
            raise UnsupportedLake(
                f"{entry.name} has columns this rdlake does not know: {', '.join(sorted(unknown))}",
                where=self.folder(entry.name),
                fix="the lake was written by a newer rdlake; upgrade this one",
            )
        if absent := set(entry.column_names) - fields.keys():
            declared = DeltaSchema.from_arrow(entry.schema).fields
            with storage_door(self.folder(entry.name)):
                before = delta.version()
                delta.alter.add_columns([each for each in declared if each.name in absent])
                for version in range(before + 1, delta.version() + 1):
                    sync_commit(self.folder(entry.name), version)
        return delta

    def _settle(self, entry: Table, delta: DeltaTable) -> None:
        folder, version = self.folder(entry.name), int(delta.version())
        if self._flushed.get(entry.name) != version:
            with storage_door(folder):
                for path, _, _ in commit_entry(folder, version).added:
                    sync(folder / path)
                sync_commit(folder, version)
            self._flushed[entry.name] = version
