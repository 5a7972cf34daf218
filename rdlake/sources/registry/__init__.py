"""RD-Agent's registry.sqlite, as a fork of it writes one: opened without writing, never trusted."""

from __future__ import annotations

from rdlake.sources.registry.read import build_runs, read_registry

__all__ = ["build_runs", "read_registry"]
