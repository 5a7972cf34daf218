"""Prove an archive by reading it back: every row against the lake's, every byte by its digest."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256

import polars as pl

from rdlake.operations.archive.content import kept_content
from rdlake.operations.archive.copying import batches_of
from rdlake.operations.archive.digests import bytes_by_owner
from rdlake.operations.archive.frozen_lake import FrozenLake
from rdlake.operations.archive.selection import FILES_TOO, OWN
from rdlake.schema.frames import cast, find_changes
from rdlake.schema.tables import Table, table
from rdlake.store.blobs import is_sound, read_contents
from rdlake.store.durable import sha256_of
from rdlake.store.lake import Lake
from rdlake.store.translate import storage_door


@dataclass(kw_only=True)
class Proof:
    """Report what was read back: rows by table, contents, a digest over each workspace's own rows.

    `differing` has, by table, the owners whose rows are not the lake's. `rotten` has, by workspace,
    the content that is missing or not what its digest says.
    """

    rows: dict[str, int] = field(default_factory=dict)
    contents: int = 0
    digests: dict[str, str] = field(default_factory=dict)
    differing: dict[str, list[str]] = field(default_factory=dict)
    rotten: dict[str, list[str]] = field(default_factory=dict)

    def is_wrong(self, workspace_id: str) -> bool:
        """Return whether rows that this workspace rests on are not proven; a shared table counts
        for all."""
        return any(
            name not in OWN or workspace_id in owners for name, owners in self.differing.items()
        )


def prove(
    frozen: FrozenLake,
    archive: Lake,
    owners: Mapping[str, Collection[str]],
    with_files: Collection[str],
    ingests: Collection[str] | None,
) -> Proof:
    """Read back, from a newly opened archive, the rows of these owners and the content of
    `with_files`.

    `ingests` are the names whose rows in `ingests` are checked; None checks all.
    """
    proof = Proof()
    hashes = {each: sha256() for name in OWN for each in owners.get(name, ())}
    for name, ids in sorted(owners.items()):
        entry = table(name)
        assert entry.owner is not None
        asked = frozenset(ids)
        if name in FILES_TOO:
            asked &= frozenset(with_files)
        same = frozen.owners(name).keys() <= asked and _has_same_files(frozen, archive, name)
        if same:
            proof.rows[name] = frozen.rows(name)
        if same and name not in OWN:
            continue
        for batch in batches_of(frozen, name, asked):
            theirs = pl.col(entry.owner).is_in(batch)
            back = archive.read(name, None, theirs)
            if not same:
                _compare(proof, entry, back, frozen.read(name, None, theirs), batch)
            if name in OWN:
                for owner, parts in bytes_by_owner(entry, back):
                    for part in parts:
                        hashes[owner].update(part)
    proof.digests = {each: digest.hexdigest() for each, digest in hashes.items()}
    _prove_ingests(frozen, archive, ingests, proof)
    _prove_content(frozen, archive, with_files, proof)
    return proof


def _has_same_files(frozen: FrozenLake, archive: Lake, name: str) -> bool:
    """Return whether the archive's data files, read now, are those that the lake wrote; then every
    row in them is."""
    files, there = frozen.data_files(name), archive.snapshot(name).files
    if files is None or sorted(file.size for file in files) != sorted(size for _, size, _ in there):
        return False
    folder = archive.folder(name)
    with (
        storage_door(folder),
        suppress(FileNotFoundError),
    ):  # reading its rows reports a missing file
        read = sorted(sha256_of(folder / path) for path, _, _ in there)
        return read == sorted(file.sha256 for file in files)
    return False


def _compare(
    proof: Proof, entry: Table, back: pl.DataFrame, rows: pl.DataFrame, ids: Collection[str]
) -> None:
    """Count the rows that came back, and note the owners whose rows differ."""
    proof.rows[entry.name] = proof.rows.get(entry.name, 0) + back.height
    if wrong := find_changes(entry, back, cast(entry, rows), ids)[0]:
        proof.differing.setdefault(entry.name, []).extend(wrong)


def _prove_ingests(
    frozen: FrozenLake, archive: Lake, names: Collection[str] | None, proof: Proof
) -> None:
    """Check that each row is there, once; the archive may have others too."""
    if names is None and _has_same_files(frozen, archive, "ingests"):
        proof.rows["ingests"] = frozen.rows("ingests")
        return
    mine = None if names is None else pl.col("workspace_id").is_in(list(names))
    rows = frozen.read("ingests", None, mine)
    key = list(table("ingests").key)
    there = archive.read("ingests", None, mine).join(rows, on=key, how="semi", nulls_equal=True)
    proof.rows["ingests"] = there.height
    if not there.sort(key).equals(rows.sort(key)):
        proof.differing["ingests"] = ["every name"]


def _prove_content(
    frozen: FrozenLake, archive: Lake, workspace_ids: Collection[str], proof: Proof
) -> None:
    files = kept_content(frozen, workspace_ids)
    unproven = set(files["sha256"])
    proof.contents = len(unproven)
    if frozen.owners("blobs").keys() <= unproven and _has_same_files(frozen, archive, "blobs"):
        return
    for content in read_contents(archive, unproven):
        if is_sound(content):
            unproven.discard(content.sha256)
    bad = files.filter(pl.col("sha256").is_in(list(unproven)))
    for workspace_id, digest in bad.sort("workspace_id", "sha256").rows():
        proof.rotten.setdefault(workspace_id, []).append(digest)
