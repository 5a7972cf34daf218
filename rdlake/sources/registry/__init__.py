"""RD-Agent's registry.sqlite, as a fork of it writes one: opened without writing, never trusted."""

from __future__ import annotations

from rdlake.sources.registry.read import read_registry, runs_of_rows

__all__ = ["read_registry", "runs_of_rows"]
