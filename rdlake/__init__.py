"""Keep RD-Agent's experiments as versioned Delta tables and a published catalog of views."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rdlake.about import __version__

if TYPE_CHECKING:
    from rdlake.catalog.time_travel import connect
    from rdlake.errors import RdlakeError
    from rdlake.library import Library, init_lake, open_lake, write_loop_artifacts


_HOME = {
    "Library": "rdlake.library",
    "RdlakeError": "rdlake.errors",
    "connect": "rdlake.catalog.time_travel",
    "init_lake": "rdlake.library",
    "open_lake": "rdlake.library",
    "write_loop_artifacts": "rdlake.library",
}

__all__ = [
    "Library",
    "RdlakeError",
    "__version__",
    "connect",
    "init_lake",
    "open_lake",
    "write_loop_artifacts",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is used, so that importing rdlake stays cheap."""
    if name not in _HOME:
        raise AttributeError(f"module 'rdlake' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
