"""Copy a lake to an archive, prove the copy by reading it back, and restore from it.

An archive is another lake. One run goes these steps: freeze the lake at one moment (`frozen_lake`),
select the experiments and everything they rest on (`selection`), copy what is new or changed
(`copying`), publish the archive's catalog, read everything back and compare (`proof`), then write
receipts to both lakes (`receipts`).

A receipt promises what the archive has of an experiment: level 1 rows, level 2 also every file
worth keeping. It counts only while the source has the digest it was archived with. A stopped run is
completed by the next one; a run with nothing new writes nothing.
"""

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
