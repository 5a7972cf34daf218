"""The lake: what a commit changes and what it leaves alone, on disk when it returns."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from rdlake.errors import DamagedLake, StorageFailed, UnsupportedLake
from rdlake.schema.frames import polars_schema
from rdlake.schema.tables import TABLES, table
from rdlake.store.data_files import FILES_IN_A_CROWD, DataFile
from rdlake.store.delta import create_table
from rdlake.store.delta_log import entry_path, log_folder
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.lake_rows import batch, commit, curve, listing, marks, nothing, owners, rows, versions
from tests.places import REPOSITORY

AWKWARD = (
    "it's", "''a''", 'quo"te', "two\nlines", "a\tb", "动量 回测", "🦆📈", "back\\slash\\'",
    "100%_ %41", "') or 1=1 --", "  a  ", "",
)  # fmt: skip


def copy_of(lake: Lake) -> Lake:
    """The same lake as another process would open it."""
    return open_store(lake.root)


# --- what a commit changes -------------------------------------------------------------------


def test_a_table_that_was_never_written_is_empty_and_typed(lake: Lake) -> None:
    for entry in TABLES:
        assert dict(lake.read(entry.name).schema) == polars_schema(entry)
        assert lake.read(entry.name).is_empty()


def test_new_rows_are_added_to_those_that_are_there(lake: Lake) -> None:
    commit(lake, "a", mark=1)
    commit(lake, "b", mark=2)
    assert marks(lake)["loops"] == {"a": "1", "b": "2"}


def test_the_report_names_the_tables_that_changed_with_their_versions(lake: Lake) -> None:
    report = commit(lake, "a")
    assert set(report.versions) == {"feedback", "equity_curves", "loops", "ingests"}
    assert all(lake.snapshot(name).version == number for name, number in report.versions.items())


def test_equal_rows_change_no_version_of_any_table(lake: Lake) -> None:
    described = {name: frame for name, frame in batch("a", "b").items() if name != "ingests"}
    lake.commit(described, owners("a", "b"))
    before = versions(lake)
    assert not lake.commit(described, owners("a", "b")).versions
    assert versions(lake) == before


def test_rows_in_another_order_are_equal_rows(lake: Lake) -> None:
    frame = curve("a", "b", nav=1.0)
    lake.commit({"equity_curves": frame}, owners("a", "b"))
    assert not lake.commit({"equity_curves": frame.reverse()}, owners("b", "a")).versions


def test_a_changed_workspace_replaces_its_own_rows_in_one_commit(lake: Lake) -> None:
    commit(lake, "a", "b", "c", mark=1)
    before = versions(lake)
    commit(lake, "b", mark=2)
    assert marks(lake)["equity_curves"] == {"a": "1", "b": "2", "c": "1"}
    for name in ("feedback", "equity_curves", "loops"):
        assert versions(lake)[name] == (before[name] or 0) + 1


def test_new_and_changed_workspaces_go_into_one_commit(lake: Lake) -> None:
    commit(lake, "a", "b", mark=1)
    before = versions(lake)["loops"] or 0
    commit(lake, "b", "c", mark=2)
    assert marks(lake)["loops"] == {"a": "1", "b": "2", "c": "2"}
    assert versions(lake)["loops"] == before + 1


def test_only_files_that_hold_a_replaced_workspace_are_written_again(lake: Lake) -> None:
    commit(lake, "a", "c", mark=1)
    commit(lake, "b", mark=1)
    stays, goes = sorted(lake.snapshot("feedback").files, key=lambda file: -file[2])
    commit(lake, "a", "b", "c", mark=1)
    commit(lake, "b", mark=2)
    assert stays in lake.snapshot("feedback").files
    assert goes not in lake.snapshot("feedback").files
    assert marks(lake)["feedback"] == {"a": "1", "b": "2", "c": "1"}


@pytest.mark.guards
def test_a_crowd_of_small_files_is_taken_into_the_next_commit(lake: Lake) -> None:
    names = [f"{number:03}" for number in range(2 * FILES_IN_A_CROWD)]
    for name in names:
        commit(lake, name, mark=1)
        assert len(lake.snapshot("feedback").files) <= FILES_IN_A_CROWD
    assert marks(lake)["feedback"] == dict.fromkeys(names, "1")
    assert lake.read("ingests").height == len(names)


def test_a_table_whose_rows_are_equal_is_left_alone(lake: Lake) -> None:
    commit(lake, "a", mark=1)
    changed = {**batch("a", mark=1), "feedback": rows("a", hypothesis="2")}
    del changed["ingests"]
    assert set(lake.commit(changed, owners("a")).versions) == {"feedback"}


def test_clock_columns_alone_cause_no_commit(lake: Lake) -> None:
    lake.commit({"workspaces": rows("a", role="sub", stat_digest="1")}, owners("a"))
    assert not lake.commit(
        {"workspaces": rows("a", role="sub", stat_digest="2")}, owners("a")
    ).versions
    lake.commit({"workspaces": rows("a", role="junk", stat_digest="3")}, owners("a"))
    assert lake.read("workspaces", ["role", "stat_digest"]).rows() == [("junk", "3")]


def test_a_workspace_without_rows_leaves_every_table(lake: Lake) -> None:
    commit(lake, "a", "b", mark=1)
    report = lake.commit(nothing(), owners("a"))
    assert set(report.versions) == {"feedback", "equity_curves", "loops"}
    assert marks(lake)["equity_curves"] == {"b": "1"}


def test_the_last_workspace_leaves_empty_tables(lake: Lake) -> None:
    commit(lake, "a", mark=1)
    lake.commit(nothing(), owners("a"))
    assert lake.read("equity_curves").is_empty()
    assert not lake.commit(nothing(), owners("a")).versions
    commit(lake, "a", mark=2)
    assert marks(lake)["loops"] == {"a": "2"}


def test_a_new_name_takes_the_place_of_the_old_in_one_commit(lake: Lake) -> None:
    commit(lake, "old", "other", mark=1)
    before = versions(lake)["loops"] or 0
    lake.commit({"loops": rows("new", task_run_id="run", loop_id=0)}, owners("old", "new"))
    assert sorted(lake.read("loops", ["workspace_id"])["workspace_id"]) == ["new", "other"]
    assert versions(lake)["loops"] == before + 1


def test_operations_stay_when_their_workspace_is_replaced(lake: Lake) -> None:
    lake.commit({"pins": rows("a", reason="shown to the board")}, owners("a"))
    commit(lake, "a", mark=1)
    lake.commit(nothing(), owners("a"))
    assert lake.read("pins", ["reason"]).rows() == [("shown to the board",)]
    assert lake.read("ingests").height == 1


def test_any_text_is_a_workspace_id(lake: Lake) -> None:
    commit(lake, "other", *AWKWARD, mark=1)
    commit(lake, *AWKWARD, mark=2)
    assert marks(lake)["equity_curves"] == {"other": "1"} | dict.fromkeys(AWKWARD, "2")


@pytest.mark.guards
@pytest.mark.parametrize("name", AWKWARD)
def test_any_text_names_its_own_rows_alone(lake: Lake, name: str) -> None:
    lake.commit({"feedback": rows("other", *AWKWARD)}, owners("other", *AWKWARD))
    lake.commit(nothing(), owners(name))
    left = set(lake.read("feedback")["workspace_id"])
    assert left == {"other", *AWKWARD} - {name}


@pytest.mark.parametrize("end", ["", "\U0010ffff"])
def test_a_long_name_is_known_again_to_its_end(lake: Lake, end: str) -> None:
    names = [f"{'因' * 20}{'x' * count}{end * 20}" for count in (0, 3, 4, 200)]
    for mark in (1, 2):
        for name in names:
            lake.commit({"feedback": rows(name, hypothesis=str(mark))}, owners(name))
    told = lake.read("feedback", ["workspace_id", "hypothesis"]).rows()
    assert sorted(told) == sorted((name, "2") for name in names)


def test_tables_of_other_owners_are_replaced_by_them(lake: Lake) -> None:
    def strategies(*ids: str, topk: int) -> pl.DataFrame:
        names = {"strategy_id": list(ids), "belongs_to": list(ids)}
        return pl.DataFrame({**names, "topk": [topk] * len(ids)})

    lake.commit({"strategies": strategies("s", "t", topk=1)}, {"belongs_to": ["s", "t"]})
    lake.commit({"strategies": strategies("t", topk=2)}, {"belongs_to": ["t"]})
    commit(lake, "s", mark=1)
    assert sorted(lake.read("strategies", ["strategy_id", "topk"]).rows()) == [("s", 1), ("t", 2)]


def test_the_tables_of_a_batch_are_committed_in_their_order(lake: Lake) -> None:
    frames = {entry.name: pl.DataFrame() for entry in TABLES}
    commit(lake, "a", mark=1)
    report = lake.commit({**frames, **batch("a", "b", mark=2)}, owners("a", "b"))
    times = {
        name: entry_path(lake.folder(name), number).stat().st_mtime_ns
        for name, number in report.versions.items()
    }
    assert sorted(times, key=times.__getitem__) == ["feedback", "equity_curves", "loops", "ingests"]
    assert len(set(times.values())) == len(times)


# --- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [pl.DataFrame(), rows(), pl.DataFrame(schema=["workspace_id"])])
def test_an_empty_frame_writes_nothing(lake: Lake, empty: pl.DataFrame) -> None:
    assert not lake.commit({"loops": empty, "ingests": empty}, owners("a")).versions
    assert not lake.folder("loops").exists()


def test_a_column_that_is_not_declared_is_refused_before_anything_is_written(lake: Lake) -> None:
    before = listing(lake.root)
    with pytest.raises(ValueError, match=r"loops has no columns .*colour"):
        lake.commit({**batch("a"), "loops": rows("a", colour="red")}, owners("a"))
    assert listing(lake.root) == before


def test_a_table_that_is_not_declared_is_refused_before_anything_is_written(lake: Lake) -> None:
    with pytest.raises(KeyError):
        lake.commit({**batch("a"), "nothing": rows("a")}, owners("a"))
    assert not lake.folder("feedback").exists()


@pytest.mark.parametrize("stranger", ["b", None])
def test_a_row_whose_owner_is_not_named_is_refused(lake: Lake, stranger: str | None) -> None:
    frame = pl.DataFrame({"workspace_id": ["a", stranger], "hypothesis": ["1", "2"]})
    with pytest.raises(ValueError, match="feedback has rows whose workspace_id is not named"):
        lake.commit({"feedback": frame}, owners("a"))
    assert not lake.folder("feedback").exists()


# --- what comes back -------------------------------------------------------------------------


def test_nested_values_come_back_as_they_were(lake: Lake) -> None:
    entry = table("loops")
    values = {
        "workspace_id": ["a", "b", "c"],
        "task_run_id": ["run"] * 3,
        "loop_id": [0, 1, 2**62],
        "metrics": [{"IC": 0.1, "动量": None, "l2.train": 1e-300}, {}, None],
        "factor_names": [["MOM_5D", None, ""], [], None],
        "provenance": [{"ic": "csv"}, {"": None}, None],
        "curve_start": [date(2017, 1, 3), date(1969, 12, 31), None],
        "created_at": [datetime(2026, 3, 3, 10, 0, 0, 123456), datetime(1960, 1, 1), None],
        "has_result": [True, False, None],
        "ic": [0.1, float("inf"), None],
    }
    frame = pl.DataFrame(values, schema={name: polars_schema(entry)[name] for name in values})
    lake.commit({"loops": frame}, owners("a", "b", "c"))
    assert copy_of(lake).read("loops", list(values)).sort("workspace_id").to_dict(
        as_series=False
    ) == frame.to_dict(as_series=False)
    assert not lake.commit({"loops": frame}, owners("a", "b", "c")).versions


def test_lists_of_structs_come_back_as_they_were(lake: Lake) -> None:
    findings = [{"level": "error", "file": "坏.csv", "reason": "it's\nbad", "fix": None}]
    frame = pl.DataFrame(
        {"batch_id": ["1", "1", "1"], "workspace_id": ["a", "b", "c"]}
        | {"findings": [findings * 2, [], None]},
        schema_overrides={"findings": polars_schema(table("ingests"))["findings"]},
    )
    lake.commit({"ingests": frame}, {})
    back = copy_of(lake).read("ingests", ["workspace_id", "findings"]).sort("workspace_id")
    assert back["findings"].to_list() == [findings * 2, [], None]


def test_a_missing_number_that_is_not_a_number_is_equal_to_itself(lake: Lake) -> None:
    frame = {"equity_curves": curve("a", nav=float("nan"))}
    lake.commit(frame, owners("a"))
    assert not lake.commit(frame, owners("a")).versions


def test_columns_may_come_in_any_order_and_be_absent(lake: Lake) -> None:
    lake.commit({"loops": rows("a", loop_id=1, task_run_id="run")}, owners("a"))
    found = lake.read("loops")
    assert found.columns == list(table("loops").column_names)
    assert found.select("loop_id", "task_run_id", "metrics", "status").rows() == [
        (1, "run", None, None)
    ]


def test_only_the_wanted_columns_and_rows_are_read(lake: Lake) -> None:
    commit(lake, "a", "b", mark=1)
    found = lake.read("equity_curves", ["nav"], pl.col("workspace_id") == "b")
    assert found.to_dict(as_series=False) == {"nav": [1.0, 2.0, 3.0]}


def test_an_open_lake_sees_what_others_commit(lake: Lake) -> None:
    other = copy_of(lake)
    assert marks(other)["loops"] == {}
    commit(lake, "a", mark=1)
    assert marks(other)["loops"] == {"a": "1"}
    commit(other, "a", mark=2)
    assert marks(lake)["loops"] == {"a": "2"}


# --- lakes of other versions -----------------------------------------------------------------


def older_table(lake: Lake, name: str, *without: str) -> None:
    """The table with one row for workspace `a`, as an rdlake without these columns made it."""
    entry, folder = table(name), lake.folder(name)
    kept = pa.schema([each for each in entry.schema if each.name not in without])
    create_table(entry, folder, entry.meaning)
    shutil.rmtree(folder)
    DeltaTable.create(str(folder), kept)
    write_deltalake(str(folder), pa.Table.from_pylist([{"workspace_id": "a"}], kept), mode="append")


def test_columns_of_an_older_table_read_as_null(lake: Lake) -> None:
    older_table(lake, "loops", "metrics", "status")
    assert lake.read("loops", ["workspace_id", "metrics", "status"]).rows() == [("a", None, None)]


def test_columns_of_an_older_table_are_added_by_the_next_write(lake: Lake) -> None:
    older_table(lake, "loops", "metrics", "status", "factor_names", "created_at")
    frame = rows("b", task_run_id="run", loop_id=0, status="success").with_columns(
        metrics=pl.Series([{"IC": 0.1}], dtype=polars_schema(table("loops"))["metrics"])
    )
    lake.commit({"loops": frame}, owners("b"))
    found = copy_of(lake).read("loops", ["workspace_id", "status", "metrics"])
    assert sorted(found.rows()) == [("a", None, None), ("b", "success", {"IC": 0.1})]
    assert not lake.commit({"loops": frame}, owners("b")).versions


def test_a_workspace_of_an_older_table_can_be_replaced(lake: Lake) -> None:
    older_table(lake, "feedback", "hypothesis")
    lake.commit({"feedback": rows("a", hypothesis="new")}, owners("a"))
    assert lake.read("feedback", ["workspace_id", "hypothesis"]).rows() == [("a", "new")]


def test_a_table_with_columns_of_a_newer_rdlake_is_not_written_to(lake: Lake) -> None:
    folder = lake.folder("feedback")
    newer = pa.schema([*table("feedback").schema, pa.field("mood", pa.string())])
    DeltaTable.create(str(folder), newer)
    with pytest.raises(UnsupportedLake, match="mood") as error:
        lake.commit({"feedback": rows("a", hypothesis="1")}, owners("a"))
    assert "upgrade" in error.value.fix
    assert lake.read("feedback").is_empty()


def test_a_table_that_a_stopped_process_did_not_finish_making_is_made(lake: Lake) -> None:
    log_folder(lake.folder("loops")).mkdir(parents=True)
    other = copy_of(lake)
    assert other.read("loops").is_empty()
    commit(other, "a", mark=1)
    assert marks(copy_of(lake))["loops"] == {"a": "1"}


# --- files on disk ---------------------------------------------------------------------------


def test_known_files_are_the_files_on_disk(lake: Lake) -> None:
    commit(lake, "a", "b", mark=1)
    commit(lake, "a", mark=2)
    commit(lake, "c", mark=2)
    assert lake.compact("feedback")
    known = lake.known_files(["feedback", "loops"])
    for name in ("feedback", "loops"):
        for path, size, count in lake.snapshot(name).files:
            content = (lake.folder(name) / path).read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            columns = len(pq.read_schema(lake.folder(name) / path))
            assert known[name, path] == DataFile(
                path=path, size=size, sha256=digest, rows=count, columns=columns
            )
    assert {name for name, _ in known} == {"feedback", "loops"}


def test_a_snapshot_tells_size_and_rows_of_each_file(lake: Lake) -> None:
    commit(lake, "a", "b", mark=1)
    commit(lake, "c", mark=1)
    snapshot = lake.snapshot("equity_curves")
    assert sorted(count for _, _, count in snapshot.files) == [3, 6]
    assert snapshot.rows == 9
    for path, size, _ in snapshot.files:
        assert (lake.folder("equity_curves") / path).stat().st_size == size


def test_lists_of_files_are_recorded_once_written(lake: Lake) -> None:
    file = DataFile(path="x.parquet", size=1, sha256="0" * 64, rows=1, columns=1)
    lake.record_files({"loops": [file], "signals": []})
    assert lake.known_files(["loops", "signals"]) == {("loops", "x.parquet"): file}


def blobs(lake: Lake, *digests: str) -> pl.DataFrame:
    chunks = [
        {"sha256": each, "chunk": number, "data": os.urandom(1000), "size": 20_000}
        for each in digests
        for number in range(20)
    ]
    frame = pl.DataFrame(chunks)
    lake.commit({"blobs": frame}, {"sha256": digests})
    return frame


@pytest.mark.parametrize("compacted", [False, True])
def test_chunks_of_content_lie_in_small_groups_without_statistics(
    lake: Lake, compacted: bool
) -> None:
    written = pl.concat([blobs(lake, "b", "c"), blobs(lake, "a")])
    assert not compacted or lake.compact("blobs")
    found = lake.read("blobs").sort("sha256", "chunk")
    assert found.equals(written.sort("sha256", "chunk"))
    for path, _, _ in lake.snapshot("blobs").files:
        file = pq.ParquetFile(lake.folder("blobs") / path)
        for number in range(file.num_row_groups):
            data = file.metadata.row_group(number).column(2)
            assert file.metadata.row_group(number).num_rows <= 16
            assert not data.has_dictionary_page
            assert data.statistics is None or not data.statistics.has_min_max


def synced_during(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """path -> size at the last fsync, filled in as files are flushed."""
    seen: dict[str, int] = {}
    fsync = os.fsync

    def noticed(descriptor: int) -> None:
        fsync(descriptor)
        seen[str(Path(f"/proc/self/fd/{descriptor}").readlink())] = os.fstat(descriptor).st_size

    monkeypatch.setattr(os, "fsync", noticed)
    return seen


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="open files have no name here"
)


@needs_proc
def test_every_new_file_and_folder_is_flushed_to_disk(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = listing(lake.root)
    seen = synced_during(monkeypatch)
    for mark in range(11):
        commit(lake, "a", mark=mark)
    assert lake.compact("ingests")
    fresh = [lake.root / name for name in listing(lake.root).keys() - before.keys()]
    assert any("checkpoint" in path.name for path in fresh)
    for path in fresh:
        assert seen.get(str(path)) == path.stat().st_size, path
        assert str(path.parent) in seen
    assert str(lake.folder("loops").parent) in seen


@needs_proc
def test_a_new_lake_is_flushed_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = synced_during(monkeypatch)
    init_store(tmp_path / "fresh")
    fresh = [tmp_path / "fresh" / name for name in listing(tmp_path / "fresh")]
    assert {*map(str, fresh), str(tmp_path), str(tmp_path / "fresh")} <= seen.keys()


@pytest.mark.guards
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_system_sees_the_flush_of_every_new_file(lake: Lake, tmp_path: Path) -> None:
    program = (
        "import sys, rdlake; from tests.lake_rows import commit; "
        "commit(rdlake.open_lake(sys.argv[1]).lake, 'a')"
    )
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync", "-o", str(trace)]
    before = listing(lake.root)
    subprocess.run(
        [*command, sys.executable, "-c", program, str(lake.root)],
        check=True,
        cwd=REPOSITORY,
    )
    seen = trace.read_text(encoding="utf-8")
    for name in listing(lake.root).keys() - before.keys():
        assert f"<{lake.root / name}>) = 0" in seen


# --- races, played in one process ------------------------------------------------------------


@contextmanager
def overtaken(monkeypatch: pytest.MonkeyPatch, lake: Lake, *workspace_ids: str) -> Iterator[None]:
    """Whatever `lake` writes first, another writer of these workspaces writes just before."""
    write = Lake._write
    other = copy_of(lake)

    def late(self: Lake, *arguments: object) -> object:
        monkeypatch.setattr(Lake, "_write", write)
        commit(other, *workspace_ids, mark=9)
        return write(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Lake, "_write", late)
    yield
    monkeypatch.setattr(Lake, "_write", write)


def test_a_commit_that_was_overtaken_loses_nothing(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(lake, "a", mark=1)
    with overtaken(monkeypatch, lake, "b"):
        commit(lake, "a", "c", mark=2)
    assert marks(lake)["feedback"] == {"a": "2", "b": "9", "c": "2"}


def test_a_commit_that_was_overtaken_by_the_same_workspace_doubles_nothing(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with overtaken(monkeypatch, lake, "a"):
        commit(lake, "a", mark=2)
    assert marks(lake)["equity_curves"] == {"a": "2"}
    assert lake.read("ingests").height == 2


def test_an_append_at_a_version_that_has_passed_writes_nothing(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = commit(lake, "a", mark=1).versions["ingests"]
    frame = rows("b", batch_id="2")
    assert lake.append_at("ingests", frame, at)
    assert not lake.append_at("ingests", frame, at)
    with overtaken(monkeypatch, lake, "c"):
        assert not lake.append_at("ingests", frame, at + 1)
    assert sorted(lake.read("ingests")["workspace_id"]) == ["a", "b", "c"]


# --- storage that fails ----------------------------------------------------------------------


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file may grow beyond `size`: what a full disk does, without filling one."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_data_file_that_does_not_fit_leaves_the_table_as_it_was(lake: Lake) -> None:
    commit(lake, "a", mark=1)
    before = listing(lake.root)
    large = {"feedback": rows("a", hypothesis=os.urandom(20_000).hex())}
    with files_of_at_most(5_000), pytest.raises(StorageFailed) as error:
        lake.commit(large, owners("a"))
    assert error.value.where == str(lake.folder("feedback"))
    assert os.strerror(errno.EFBIG) in error.value.what
    assert "\n" not in error.value.what
    assert listing(lake.root) == before
    lake.commit(large, owners("a"))
    assert lake.read("feedback")["hypothesis"].str.len_chars().to_list() == [40_000]


@pytest.mark.guards
def test_a_log_entry_that_does_not_fit_is_not_half_visible(lake: Lake) -> None:
    names = [f"{number:032d}" for number in range(FILES_IN_A_CROWD)]
    for name in names:
        lake.commit({"feedback": rows(name, hypothesis="1")}, owners(name))
    frames = {"feedback": rows(*names, hypothesis="2")}
    with files_of_at_most(9_500), pytest.raises(StorageFailed) as error:
        lake.commit(frames, owners(*names))
    assert error.value.where == str(lake.folder("feedback"))
    assert set(marks(copy_of(lake))["feedback"].values()) == {"1"}
    lake.commit(frames, owners(*names))
    assert set(marks(copy_of(lake))["feedback"].values()) == {"2"}


def test_a_checkpoint_that_does_not_fit_costs_no_row(lake: Lake) -> None:
    for mark in range(8):
        lake.commit({"feedback": rows("a", hypothesis=str(mark))}, owners("a"))
    last = {"feedback": rows("a", hypothesis="8")}
    with files_of_at_most(9_500), pytest.raises(StorageFailed):
        lake.commit(last, owners("a"))
    lake.commit(last, owners("a"))
    lake.commit({"feedback": rows("b", hypothesis="9")}, owners("b"))
    assert marks(copy_of(lake))["feedback"] == {"a": "8", "b": "9"}


def test_a_batch_that_failed_half_way_is_completed_by_the_next_run(lake: Lake) -> None:
    commit(lake, "a", mark=1)
    frames = batch("a", mark=2)
    long = pl.lit(os.urandom(20_000).hex()).alias("error_message")
    frames["loops"] = frames["loops"].with_columns(long)
    with files_of_at_most(30_000), pytest.raises(StorageFailed):
        lake.commit(frames, owners("a"))
    assert marks(lake)["equity_curves"] == {"a": "2"}
    assert marks(lake)["loops"] == {"a": "1"}
    assert set(lake.commit(frames, owners("a")).versions) == {"loops", "ingests"}
    assert marks(lake)["loops"] == {"a": "2"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own of 1 MB; skipped where nobody may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    command = [mount or "false", "-t", "tmpfs", "-o", "size=1m", "rdlake-test", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_named_and_the_next_run_completes(small_disk: Path) -> None:
    lake = init_store(small_disk / "lake")
    commit(lake, "a", mark=1)
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"x" * 4096)
    with pytest.raises(StorageFailed, match="No space left") as error:
        commit(lake, "a", mark=2)
    assert str(small_disk) in error.value.where
    assert marks(copy_of(lake))["loops"] == {"a": "1"}
    ballast.unlink()
    commit(lake, "a", mark=2)
    assert marks(lake)["loops"] == {"a": "2"}


def test_a_read_only_disk_is_named_and_can_still_be_read(small_disk: Path) -> None:
    lake = init_store(small_disk / "lake")
    commit(lake, "a", mark=1)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StorageFailed, match="Read-only") as error:
        commit(lake, "a", mark=2)
    assert "permissions" in error.value.fix
    assert marks(copy_of(lake))["loops"] == {"a": "1"}


# --- data files that are not what was written ------------------------------------------------


@pytest.mark.parametrize("damage", ["gone", "cut off", "overwritten"])
def test_a_damaged_data_file_is_named_with_what_to_do(lake: Lake, damage: str) -> None:
    commit(lake, "a", mark=1)
    commit(lake, "b", mark=1)
    (path, size, _), *_ = lake.snapshot("loops").files
    file = lake.folder("loops") / path
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(b"\0" * (size if damage == "overwritten" else size // 2))
    with pytest.raises(DamagedLake) as error:
        Lake(lake.root).read("loops")
    assert error.value.where == str(lake.folder("loops") if damage == "overwritten" else file)
    assert "restore it" in error.value.fix
