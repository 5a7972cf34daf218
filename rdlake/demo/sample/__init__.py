"""Offer a few real back-tests, so that everything can be tried with nothing configured."""

from __future__ import annotations

from pathlib import Path

__all__ = ["sample_workspaces"]


def sample_workspaces() -> Path:
    """Return the folder of the bundled workspaces."""
    return Path(__file__).parent / "RD-Agent_workspace"
