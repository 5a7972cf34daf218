"""Content by its digest: stored once, whole or not at all, and given back proven."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

import polars as pl
import pyarrow as pa

from rdlake.errors import BadInput, DamagedLake, StorageFailed
from rdlake.schema.tables import table
from rdlake.store.durable import temporary_path
from rdlake.store.lake import Lake
from rdlake.store.parquet import CHUNKS_IN_A_GROUP

CHUNK = 1 << 20
MOST_AT_ONCE = 64 << 20
"""About so many bytes are held in memory, and lie in one data file."""


class UnreadableContent(Exception):
    """The content could not be had as it was hashed; the text says why."""


@dataclass(frozen=True, slots=True)
class Content:
    """Content that is to be stored. `chunks` gives it by the MiB and raises Unread."""

    sha256: str
    size: int
    chunks: Callable[[], Iterator[bytes]]


def stored_digests(lake: Lake, digests: Collection[str] | None = None) -> frozenset[str]:
    """Which of these digests, or which at all, the lake has the content of."""
    where = None if digests is None else pl.col("sha256").is_in(list(digests))
    return frozenset(lake.read("blobs", ["sha256"], where)["sha256"].unique())


# --- storing ---------------------------------------------------------------------------------


def store(lake: Lake, read_contents: Iterable[Content]) -> dict[str, str]:
    """Store what is not there yet; the digests of what could not be had, and why.

    A content is one commit or part of one, and never half there. Memory is bounded, however large
    one is: the files of a large one are written as it is read, and named when its digest is right.
    """
    lost: dict[str, str] = {}
    batch: dict[str, list[bytes]] = {}
    weight = 0
    for content in read_contents:
        try:
            if content.size > MOST_AT_ONCE:
                lake.append_once("blobs", _large_tables(content), [content.sha256])
                continue
            chunks = list(_checked_chunks(content))
        except UnreadableContent as error:
            lost[content.sha256] = str(error)
            continue
        if batch and weight + content.size > MOST_AT_ONCE:
            _append(lake, batch)
            batch, weight = {}, 0
        batch[content.sha256] = chunks
        weight += content.size
    _append(lake, batch)
    return lost


def _append(lake: Lake, batch: dict[str, list[bytes]]) -> None:
    """One commit of what is not there; again, without what another writer stored meanwhile."""
    while batch:
        if lake.append_once("blobs", [_one_table(batch)], batch):
            return
        there = stored_digests(lake, batch)
        batch = {each: chunks for each, chunks in batch.items() if each not in there}


def _large_tables(content: Content) -> Iterator[pa.Table]:
    """A large content's rows, a data file's worth at a time."""
    first, held = 0, list[bytes]()
    for chunk in _checked_chunks(content):
        held.append(chunk)
        if len(held) * CHUNK >= MOST_AT_ONCE:
            yield _rows(content, first, held)
            first, held = first + len(held), []
    if held:
        yield _rows(content, first, held)


def _checked_chunks(content: Content) -> Iterator[bytes]:
    """Its chunks, an empty one if there is nothing in it; Unread at the end when it is not what
    its digest says."""
    digest, size = sha256(), 0
    for chunk in content.chunks():
        digest.update(chunk)
        size += len(chunk)
        if size > content.size:
            break
        if chunk:
            yield chunk
    if digest.hexdigest() != content.sha256:
        raise UnreadableContent("it changed while it was read")
    if not size:
        yield b""


def _rows(content: Content, first: int, chunks: Sequence[bytes]) -> pa.Table:
    count = len(chunks)
    numbers = range(first, first + count)
    return _columns([content.sha256] * count, numbers, chunks, [content.size] * count)


def _one_table(batch: Mapping[str, Sequence[bytes]]) -> pa.Table:
    """Rows of whole contents, sorted."""
    sizes = {digest: sum(map(len, chunks)) for digest, chunks in batch.items()}
    rows = [
        (digest, number, chunk, sizes[digest])
        for digest in sorted(batch)
        for number, chunk in enumerate(batch[digest])
    ]
    return _columns(*zip(*rows, strict=True))


def _columns(*columns: Iterable[object]) -> pa.Table:
    schema = table("blobs").schema
    arrays = [
        pa.array(each, field.type) for each, field in zip(map(list, columns), schema, strict=True)
    ]
    return pa.table(arrays, schema=schema)


# --- giving back -----------------------------------------------------------------------------


def resolve_digest(lake: Lake, prefix: str) -> str:
    """The one stored digest that begins so; BadInput when there is none, or more than one."""
    where = pl.col("sha256").str.starts_with(prefix.lower())
    found: list[str] = []
    if prefix:
        found = sorted(set(lake.read("blobs", ["sha256"], where)["sha256"]))
    if len(found) == 1:
        return found[0]
    known = lake.read("artifacts", ["workspace_id", "path"], where).rows() if prefix else []
    if found:
        what, fix = f"{len(found)} contents begin with it", "give more digits of the digest"
    elif known:
        workspace, path = min(known)
        what = f"the content of {workspace}/{path} is known by its digest alone, and was not kept"
        fix = "rdlake ingest --keep all on its folder stores it"
    else:
        what, fix = "no content with this digest is in the lake", "rdlake blobs lists what is there"
    raise BadInput(what, where=prefix or "an empty digest", fix=fix)


def read_content(lake: Lake, digest: str) -> Iterator[bytes]:
    """The content by the MiB, its digest checked with the last piece; DamagedLake when it is not
    what was stored. Never more than a row group's worth is in memory."""
    mine = pl.col("sha256") == digest
    numbers = sorted(set(lake.read("blobs", ["chunk"], mine)["chunk"]))
    check = sha256()
    for first in range(0, len(numbers), CHUNKS_IN_A_GROUP):
        group = pl.col("chunk").is_between(first, first + CHUNKS_IN_A_GROUP - 1)
        rows = lake.read("blobs", ["chunk", "data"], mine & group).unique("chunk").sort("chunk")
        for data in rows["data"]:
            check.update(data)
            yield data
    if check.hexdigest() != digest:
        raise DamagedLake.content(f"{lake.folder('blobs')}: {digest}")


def read_contents(lake: Lake, digests: Collection[str]) -> Iterator[Content]:
    """The stored ones among these, in the order of their digests; about `MOST_AT_ONCE` of them is
    read at once. Each can be had while it is the last that was given."""
    there = lake.read("blobs", ["sha256", "size"], pl.col("sha256").is_in(list(digests)))
    for batch in _group_by_size(there.unique("sha256").sort("sha256").rows()):
        if batch[0][1] > MOST_AT_ONCE:
            digest, size = batch[0]
            yield Content(digest, size, partial(read_content, lake, digest))
            continue
        names = [digest for digest, _ in batch]
        # as a range too, so that other row groups are not opened for it
        where = pl.col("sha256").is_between(pl.lit(names[0]), pl.lit(names[-1]))
        where &= pl.col("sha256").is_in(names)
        rows = lake.read("blobs", ["sha256", "chunk", "data"], where)
        rows = rows.unique(["sha256", "chunk"]).sort("sha256", "chunk")
        counts = dict(rows["sha256"].rle().struct.unnest().select("value", "len").rows())
        begin = 0
        for digest, size in batch:
            yield Content(digest, size, partial(iter, rows["data"].slice(begin, counts[digest])))
            begin += counts[digest]


def is_sound(content: Content) -> bool:
    """Whether it is what its digest says."""
    try:
        deque(_checked_chunks(content), maxlen=0)
    except (UnreadableContent, DamagedLake):
        return False
    return True


def checked_chunks(content: Content) -> Iterator[bytes]:
    """The bytes of a stored content; DamagedLake with the last piece when they are not what its
    digest says."""
    try:
        yield from _checked_chunks(content)
    except UnreadableContent as error:
        raise DamagedLake.content(content.sha256) from error


def _group_by_size(sizes: Iterable[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    """Contents that are read together; a large one is alone."""
    batch, weight = list[tuple[str, int]](), 0
    for digest, size in sizes:
        if batch and weight + size > MOST_AT_ONCE:
            yield batch
            batch, weight = [], 0
        batch.append((digest, size))
        weight += size
    if batch:
        yield batch


def extract(lake: Lake, digest: str, target: Path) -> int:
    """Write a content to a new file, which is there when it is whole; the number of its bytes.
    BadInput when something is there already, DamagedLake when the content is not whole."""
    if os.path.lexists(target):
        raise _taken(target)
    try:
        with temporary_path(target.parent, ".part") as path:
            with path.open("xb") as file:
                size = sum(file.write(chunk) for chunk in read_content(lake, digest))
            _put(path, target)
    except OSError as error:
        raise StorageFailed.cannot_write(target, error, "the file") from error
    return size


def _put(passing: Path, target: Path) -> None:
    """Give the file its name, in which nothing is replaced."""
    try:
        target.hardlink_to(passing)
    except FileExistsError:
        raise _taken(target) from None
    except OSError:  # a file system without hard links
        try:
            with target.open("xb"):
                passing.replace(target)
        except FileExistsError:
            raise _taken(target) from None


def _taken(target: Path) -> BadInput:
    return BadInput(
        "a file of that name is there, and nothing is overwritten",
        where=target,
        fix="remove it or name another place",
    )
