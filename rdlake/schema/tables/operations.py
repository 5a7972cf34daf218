"""Declare the tables of operations on the lake, and of the content that it keeps."""

from __future__ import annotations

from rdlake.schema.tables.schema import (
    BYTES,
    CURVE,
    DIGEST,
    FILES,
    FINDINGS,
    INT,
    PINNED,
    TEXT,
    TEXTS,
    TIME,
    WORKSPACE,
    C,
    Table,
)

BLOBS = Table(
    name="blobs",
    meaning="content by digest, in chunks, so that a file can be given back byte for byte",
    key=("sha256", "chunk"),
    columns=(
        C("sha256", TEXT, "digest of the whole content"),
        C("chunk", INT, "position of the chunk, from 0"),
        C("data", BYTES, "at most 1 MiB of the content"),
        C("size", INT, "bytes of the whole content"),
    ),
    owner="sha256",
)

EVIDENCE = Table(
    name="evidence",
    meaning="what one source says of one workspace, kept so that sources can come in any order",
    key=("source", "workspace_id"),
    columns=(
        C(
            "source",
            TEXT,
            "trace: or registry:<task_run_id>, workspace: or json:<workspace_id>, catalog:<export>",
        ),
        WORKSPACE,
        C("content", TEXT, "JSON: the columns of its rows, as this source has them"),
        C("curve", CURVE, "the back-test's days, as this source has them"),
        DIGEST,
        C("stat_digest", TEXT, "sha256 over the files' names, sizes and times", clock=True),
    ),
    owner="source",
    operation=True,
    pinned=False,
)

PINS = Table(
    name="pins",
    meaning="experiments that must stay",
    key=("workspace_id",),
    columns=(
        WORKSPACE,
        C("reason", TEXT, "why"),
        C("pinned_at", TIME, "UTC", clock=True),
    ),
    operation=True,
)

ARCHIVES = Table(
    name="archives",
    meaning="receipts of archive runs: what an archive was proven to have of one experiment",
    key=("archive_id", "workspace_id"),
    columns=(
        C("archive_id", TEXT, "one run of the archive command"),
        WORKSPACE,
        C(
            "level",
            INT,
            "what was proven: 1 rows; 2 also every file worth keeping, curves, signals, charts; "
            "0 takes back what an earlier receipt of the same archive says",
        ),
        C("lake_id", TEXT, "id of the lake it was copied from"),
        C("archive_lake_id", TEXT, "id of the lake it was copied to"),
        C("catalog_version", INT, "catalog version published there; null where it is taken back"),
        C("content_digest", TEXT, "digest of the experiment's own rows as they were read back"),
        C("files", INT, "files whose content was read back; null at level 1"),
        C("bytes", INT, "bytes of these"),
        C("not_kept", INT, "files of which there is the digest alone; null at level 1"),
        C(
            "tables_digest",
            TEXT,
            "digest over the data files of both lakes after all of one was in the other; "
            "null for a selection",
        ),
        C("verified_at", TIME, "UTC; when it was read back", clock=True),
        C(
            "source_digest",
            TEXT,
            "that of the loop, else of the workspace, when it was archived; of another one the "
            "receipt tells nothing",
        ),
    ),
    owner=None,
    operation=True,
)

CLEANUPS = Table(
    name="cleanups",
    meaning="what clean-ups took out of RD-Agent's folders, file by file, and what became of it",
    key=("cleanup_id", "workspace_id", "path"),
    columns=(
        C("cleanup_id", TEXT, "one clean-up of one root"),
        C("workspace_id", TEXT, "the workspace; of stage logs the run's folder, by its path"),
        C("path", TEXT, "relative path of the file or link"),
        C("kind", TEXT, "file or link"),
        C("size", INT, "bytes"),
        C("sha256", TEXT, "digest of the content; null for a link"),
        C(
            "proof",
            TEXT,
            "why it may go: archive (its content was read back there), rows (a log that level 1 "
            "holds), empty, link, or the class that was allowed",
        ),
        C("archive_lake_id", TEXT, "the archive that proves it"),
        C("archive_id", TEXT, "the receipt of that archive; null for logs, which several prove"),
        C("stage", TEXT, "intermediates, workspace, logs or junk"),
        C(
            "state",
            TEXT,
            "meant (the move is under way), left (it was not moved), trashed, given_back (it had "
            "changed), undone, purged",
        ),
        C("meant_at", TIME, "UTC", clock=True),
        C("trashed_at", TIME, "UTC", clock=True),
        C("back_at", TIME, "UTC; when it was given back", clock=True),
        C("purged_at", TIME, "UTC", clock=True),
    ),
    owner="cleanup_id",
    operation=True,
)

INGESTS = Table(
    name="ingests",
    meaning="what became of each workspace at each ingest",
    key=("batch_id", "workspace_id"),
    columns=(
        C("batch_id", TEXT, "one batch of one ingest", clock=True),
        C("workspace_id", TEXT, "the folder's name, or the file's when it is no folder"),
        C("ingested_at", TIME, "UTC", clock=True),
        C("status", TEXT, "ok, partial, skipped or failed"),
        C("role", TEXT, "as in workspaces; run, registry, catalog or external for others"),
        C("findings", FINDINGS, "each problem: level (error, warning), file, reason, fix"),
        DIGEST,
        C("reader_version", INT, "version of the readers; a newer one reads again"),
    ),
    owner=None,
    operation=True,
)

FILE_LISTS = Table(
    name="file_lists",
    meaning="a list of data files by digest: what one commit wrote, or what a catalog version pins",
    key=("digest",),
    columns=(
        C("digest", TEXT, "sha256 over the table and the facts of each file"),
        C("table", TEXT, "the table they belong to"),
        C("files", FILES, "path within the table, size, sha256 (taken once, when written)"),
    ),
    owner=None,
    operation=True,
    pinned=False,
)

CATALOGS = Table(
    name="catalogs",
    meaning="one published catalog version: a single commit over all tables",
    key=("catalog_version",),
    columns=(
        C("catalog_version", INT, "1, 2, 3, … without gaps"),
        C("published_at", TIME, "UTC"),
        C("note", TEXT, "given by the publisher"),
        C("lake_id", TEXT, "the lake's id"),
        C("contract_version", TEXT, "version of the views"),
        C("rdlake_version", TEXT, "the program that published it"),
        C("rolled_back_to", INT, "the version whose tables it pins again; holds publishing"),
        C("tables", PINNED, "Delta version, rows and file list of each table"),
        C("views", PINNED, "rows and file list of each view whose rows were made when published"),
        C("allowed_checks", TEXTS, "checks that were allowed to fail, by name"),
        C("checks_digest", TEXT, "sha256 over the checks that held; null when none were run"),
        C("sql", TEXT, "the views as they were rendered"),
        C("previous_digest", TEXT, "digest of the version before"),
        C("digest", TEXT, "sha256 over this row's other fields"),
    ),
    owner=None,
    operation=True,
    pinned=False,
)
