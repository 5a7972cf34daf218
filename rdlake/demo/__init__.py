"""Synthetic RD-Agent workspaces: something to ingest where no RD-Agent has run yet."""

from __future__ import annotations

from rdlake.demo.write import DemoReport, write_demo

__all__ = ["DemoReport", "write_demo"]
