"""An archive is another lake: copied to, proven by reading back, and given back from."""

from rdlake.operations.archive.receipts import archiving_levels
from rdlake.operations.archive.restore import Restored, restore
from rdlake.operations.archive.run import ArchiveReport, Fault, archive
from rdlake.operations.archive.scope import ALL, Asked, Level

__all__ = [
    "ALL",
    "ArchiveReport",
    "Asked",
    "Fault",
    "Level",
    "Restored",
    "archive",
    "archiving_levels",
    "restore",
]
