"""An archive is another lake: copied to, proven by reading back, and given back from."""

from rdlake.operations.archive.receipts import archiving_levels
from rdlake.operations.archive.restore import RestoreReport, restore
from rdlake.operations.archive.run import ArchiveFault, ArchiveReport, archive
from rdlake.operations.archive.selection import ALL, ArchiveRequest, Level

__all__ = [
    "ALL",
    "ArchiveFault",
    "ArchiveReport",
    "ArchiveRequest",
    "Level",
    "RestoreReport",
    "archive",
    "archiving_levels",
    "restore",
]
