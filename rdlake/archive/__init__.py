"""An archive is another lake: copied to, proven by reading back, and given back from."""

from rdlake.archive.receipts import archiving_levels
from rdlake.archive.restore import Restored, restore
from rdlake.archive.run import ArchiveReport, Fault, archive
from rdlake.archive.scope import ALL, Asked, Level

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
