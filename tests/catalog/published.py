"""A lake with its workspaces, as the catalog's tests use it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rdlake.catalog.publish import publish
from rdlake.ingest import ingest
from rdlake.lake import Lake
from tests.builders import make_workspace

IDS = ("a" * 32, "b" * 32, "c" * 32)


@dataclass(frozen=True)
class Published:
    """A lake with its workspaces and one catalog version."""

    lake: Lake
    workspaces: Path

    def add(self, name: str, **overrides: object) -> Path:
        """One more workspace, ingested and not yet published."""
        folder = make_workspace(self.workspaces, name, **overrides)  # type: ignore[arg-type]
        self.ingest()
        return folder

    def ingest(self) -> None:
        ingest(self.lake, [self.workspaces])

    def publish(self) -> int:
        """The number of the version that is there after publishing."""
        return publish(self.lake).version.catalog_version
