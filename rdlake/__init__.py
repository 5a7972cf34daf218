"""rdlake: RD-Agent's experiments as versioned Delta tables and a published catalog of views."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rdlake.catalog.attach import connect
    from rdlake.errors import RdlakeError
    from rdlake.ingest import ingest
    from rdlake.lake import Lake
    from rdlake.opening import init_lake, open_lake

__version__ = "0.1.0"

_HOME = {
    "Lake": "rdlake.lake",
    "RdlakeError": "rdlake.errors",
    "connect": "rdlake.catalog.attach",
    "ingest": "rdlake.ingest",
    "init_lake": "rdlake.opening",
    "open_lake": "rdlake.opening",
}

__all__ = ["Lake", "RdlakeError", "__version__", "connect", "ingest", "init_lake", "open_lake"]


def __getattr__(name: str) -> Any:
    """Public names are loaded when they are used, so that importing rdlake stays cheap."""
    if name not in _HOME:
        raise AttributeError(f"module 'rdlake' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
