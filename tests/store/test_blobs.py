"""Content by its digest: stored once and whole, by however many writers, and given back proven."""

from __future__ import annotations

import multiprocessing
import random
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from rdlake.catalog.publish import publish
from rdlake.catalog.verify import verify
from rdlake.errors import BadInput, DamagedLake, StorageFailed
from rdlake.store import blobs
from rdlake.store.blobs import (
    CHUNK,
    Content,
    UnreadableContent,
    extract,
    read_content,
    resolve_digest,
    store,
    stored_digests,
)
from rdlake.store.data_files import FILES_IN_A_CROWD
from rdlake.store.lake import Lake
from rdlake.store.opening import open_store

PROCESSES = multiprocessing.get_context("spawn")
SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 17 * CHUNK + 3)


def bytes_of(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def content(data: bytes, *, told: bytes | None = None) -> Content:
    """Content that says it is `told` and gives `data`."""

    def chunks() -> Iterator[bytes]:
        yield from (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))

    said = data if told is None else told
    return Content(sha256(said).hexdigest(), len(said), chunks)


def given_back(lake: Lake, data: bytes) -> bytes:
    return b"".join(read_content(lake, sha256(data).hexdigest()))


def chunk_rows(lake: Lake) -> list[tuple[str, int]]:
    return lake.read("blobs", ["sha256", "chunk"]).rows()


@pytest.mark.parametrize("size", SIZES)
def test_what_is_stored_is_given_back_byte_for_byte(lake: Lake, size: int) -> None:
    data = bytes_of(size, size)
    assert store(lake, [content(data)]) == {}
    assert given_back(lake, data) == data
    rows = lake.read("blobs")
    assert set(rows["size"]) == {size}
    assert sorted(rows["chunk"]) == list(range(max(1, -(-size // CHUNK))))


def test_large_content_is_one_commit_of_several_files(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "MOST_AT_ONCE", 4 * CHUNK)
    data = bytes_of(1, 10 * CHUNK + 5)
    store(lake, [content(data)])
    now = lake.snapshot("blobs")
    assert (now.version, sorted(rows for _, _, rows in now.files)) == (1, [3, 4, 4])
    assert given_back(lake, data) == data


def test_a_batch_is_of_bounded_size(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "MOST_AT_ONCE", 4 * CHUNK)
    store(lake, [content(bytes_of(n, CHUNK + n)) for n in range(10)])
    sizes = [rows for _, _, rows in lake.snapshot("blobs").files]
    assert sum(sizes) == 20 - 1
    assert max(sizes) <= 8
    assert lake.snapshot("blobs").version == len(sizes)


def test_content_that_is_there_is_not_stored_again(lake: Lake) -> None:
    first, second = content(b"first"), content(b"second")
    store(lake, [first])
    before = lake.snapshot("blobs").version
    store(lake, [first])
    assert lake.snapshot("blobs").version == before
    store(lake, [first, second])
    assert sorted(chunk_rows(lake)) == sorted([(first.sha256, 0), (second.sha256, 0)])


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("data", [b"", b"short", b"x" * 5 * CHUNK], ids=["gone", "less", "other"])
def test_content_that_changed_meanwhile_is_not_stored(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, large: bool, data: bytes
) -> None:
    if large:
        monkeypatch.setattr(blobs, "MOST_AT_ONCE", 2 * CHUNK)
    changed = content(data, told=bytes_of(1, 5 * CHUNK))
    whole = content(b"whole")
    lost = store(lake, [changed, whole])
    assert lost == {changed.sha256: "it changed while it was read"}
    assert stored_digests(lake) == {whole.sha256}
    assert {path.name for path in lake.folder("blobs").glob("*.parquet")} == {
        path for path, _, _ in lake.snapshot("blobs").files
    }


def test_content_that_cannot_be_read_says_why(lake: Lake) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise UnreadableContent("the disk is gone")

    assert store(lake, [Content("0" * 64, 8, chunks)]) == {"0" * 64: "the disk is gone"}
    assert stored_digests(lake) == frozenset()


def store_all(root: Path, writer: int, writers: int) -> None:
    """The same contents from every writer, each in another order, a large one among them."""
    blobs.MOST_AT_ONCE = 4 * CHUNK
    order = random.Random(writer)
    lake = open_store(root)
    numbers = list(range(30))
    order.shuffle(numbers)
    for number in numbers:
        store(lake, [content(bytes_of(number, CHUNK * (number % 7) + number))])


@pytest.mark.guards
def test_writers_at_once_double_and_lose_nothing(lake: Lake) -> None:
    writers = [PROCESSES.Process(target=store_all, args=(lake.root, n, 4)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0] * 4
    rows = chunk_rows(lake)
    assert len(set(rows)) == len(rows)
    for number in range(30):
        data = bytes_of(number, CHUNK * (number % 7) + number)
        assert given_back(lake, data) == data


@pytest.mark.guards
def test_small_commits_do_not_become_many_files(lake: Lake) -> None:
    for number in range(FILES_IN_A_CROWD + 10):
        store(lake, [content(f"{number}".encode())])
    assert len(lake.snapshot("blobs").files) <= FILES_IN_A_CROWD
    assert len(chunk_rows(lake)) == FILES_IN_A_CROWD + 10


@pytest.mark.guards
def test_content_that_packs_to_nothing_is_not_taken_into_one_file(lake: Lake) -> None:
    for number in range(FILES_IN_A_CROWD + 2):
        store(lake, [content(bytes([number]) * 2 * CHUNK)])
    assert len(lake.snapshot("blobs").files) == FILES_IN_A_CROWD + 2
    assert lake.compact("blobs")
    for path, size, _ in lake.snapshot("blobs").files:
        footer = pq.read_metadata(lake.folder("blobs") / path)
        groups = [footer.row_group(n) for n in range(footer.num_row_groups)]
        assert size < CHUNK < sum(group.total_byte_size for group in groups) < 66 * CHUNK
        assert all(group.num_rows <= 16 for group in groups)
    assert given_back(lake, b"\x07" * 2 * CHUNK) == b"\x07" * 2 * CHUNK


# --- given back ------------------------------------------------------------------------------


def test_the_beginning_of_a_digest_is_enough_where_it_is_the_only_one(lake: Lake) -> None:
    parts = [content(f"{number}".encode()) for number in range(40)]
    store(lake, parts)
    digest = parts[0].sha256
    assert resolve_digest(lake, digest.upper()) == digest
    short = next(n for n in range(1, 65) if sum(p.sha256[:n] == digest[:n] for p in parts) == 1)
    assert resolve_digest(lake, digest[:short]) == digest
    with pytest.raises(BadInput, match="contents begin with it"):
        resolve_digest(lake, digest[: short - 1] or digest[0])
    for absent in ("zz", ""):
        with pytest.raises(BadInput, match="no content with this digest"):
            resolve_digest(lake, absent)


def test_a_file_is_written_whole_and_never_over_another(lake: Lake, tmp_path: Path) -> None:
    data = bytes_of(3, 3 * CHUNK)
    part = content(data)
    store(lake, [part])
    target = tmp_path / ("曲线" * 40 + ".bin")
    assert extract(lake, part.sha256, target) == len(data)
    assert target.read_bytes() == data
    for there in (target, tmp_path / "link"):
        if there != target:
            there.symlink_to("nowhere")
        with pytest.raises(BadInput, match="nothing is overwritten"):
            extract(lake, part.sha256, there)
    with pytest.raises(StorageFailed):
        extract(lake, part.sha256, tmp_path / "no folder" / "x")
    assert {path.name for path in tmp_path.iterdir()} == {target.name, "lake", "link"}


def test_damaged_content_is_not_given_back_as_if_it_were_whole(lake: Lake, tmp_path: Path) -> None:
    part = content(bytes_of(5, 2 * CHUNK))
    rows = {"sha256": [part.sha256], "chunk": [0], "data": [b"another"], "size": [2 * CHUNK]}
    lake.commit({"blobs": pl.DataFrame(rows)}, {"sha256": [part.sha256]})
    with pytest.raises(DamagedLake, match="not what it says"):
        extract(lake, part.sha256, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --- memory ----------------------------------------------------------------------------------

BOUNDED = """
    import resource, sys
    from pathlib import Path
    from hashlib import sha256
    import rdlake, random
    from rdlake.store.blobs import CHUNK, Content, store, read_content, extract
    from rdlake.operations.maintain import maintain

    def most():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

    def content(seed, size):
        def chunks():
            random.seed(seed)
            for _ in range(size):
                yield random.randbytes(CHUNK)
        digest = sha256()
        for chunk in chunks():
            digest.update(chunk)
        return Content(digest.hexdigest(), size * CHUNK, chunks)

    lake = rdlake.init_lake(sys.argv[1]).lake
    at_first = most()
    for seed in range(9):
        store(lake, [content(seed, 12)])
    large = content(99, 200)
    store(lake, [large])
    print("stored", most() - at_first)
    report = maintain(lake, older_than_hours=0)
    assert any(each.table == "blobs" and each.compacted for each in report.tables)
    print("compacted", most() - at_first)
    extract(lake, large.sha256, Path(sys.argv[2]))
    print("extracted", most() - at_first)
    assert lake.snapshot("blobs").rows == 308
"""


@pytest.mark.guards
def test_memory_stays_bounded_with_hundreds_of_megabytes(tmp_path: Path) -> None:
    script = textwrap.dedent(BOUNDED)
    command = [sys.executable, "-c", script, str(tmp_path / "lake"), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        what, used = line.split()
        assert int(used) < 700, f"{what}: {used} MiB more than at first"
    assert (tmp_path / "out").stat().st_size == 200 * CHUNK


def bytes_read() -> int:
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])


@pytest.mark.guards
@pytest.mark.skipif(not Path("/proc/self/io").is_file(), reason="no one counts what is read here")
def test_publishing_does_not_read_the_content(lake: Lake) -> None:
    store(lake, [content(bytes_of(seed, 20 * CHUNK)) for seed in range(2)])
    before = bytes_read()
    assert publish(lake).outcome == "published"
    assert bytes_read() - before < 8 * CHUNK
    before = bytes_read()
    assert verify(lake, deep=True).faults == ()
    assert bytes_read() - before > 40 * CHUNK
