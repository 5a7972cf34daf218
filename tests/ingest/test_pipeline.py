"""From folders to rows: what is taken, what is left alone, what a bad file costs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import polars as pl
import pytest

from rdlake.errors import BadInput
from rdlake.schema.tables import TABLES
from rdlake.sources.backtest.prices import PRICES
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.builders import make_workspace, write_metrics
from tests.ingesting import ingest
from tests.sources.formats.test_hdf5 import store


def versions(lake: Lake) -> dict[str, int | None]:
    return {entry.name: lake.snapshot(entry.name).version for entry in TABLES}


def solid_rows(lake: Lake) -> dict[str, list[str]]:
    """Every row without clock columns, of the tables that describe the sources."""
    rows = {}
    for entry in TABLES:
        if entry.pinned and not entry.operation:
            columns = [column.name for column in entry.columns if not column.clock]
            frame = lake.read(entry.name, columns)
            rows[entry.name] = sorted(map(str, frame.rows()))
    return rows


def test_each_table_gets_its_rows(lake: Lake, workspaces: Path) -> None:
    report = ingest(lake, [workspaces])
    assert report.counts == {"ok": 3, "unchanged": 0}
    assert lake.read("loops").height == 3
    assert lake.read("equity_curves").height == 60
    assert lake.read("factors").select("factor_name", "position").sort(pl.all()).rows() == [
        ("MOM_5D", 0),
        ("MOM_5D", 0),
        ("动量_10日", 1),
    ]
    files = lake.read("artifacts").filter(pl.col("workspace_id") == "c" * 32)
    assert set(files["path"]) == {
        "conf_baseline_factors_model.yaml",
        "conf_sota_factors_model.yaml",
        "model.py",
        "qlib_res.csv",
        "ret.parquet",
    }
    assert lake.read("ingests")["status"].to_list() == ["ok"] * 3


def test_twice_changes_no_table(lake: Lake, workspaces: Path) -> None:
    ingest(lake, [workspaces])
    before = versions(lake)
    assert ingest(lake, [workspaces]).counts == {"unchanged": 3}
    assert versions(lake) == before


def test_touched_files_with_the_same_content_change_no_table(lake: Lake, workspaces: Path) -> None:
    ingest(lake, [workspaces])
    before = versions(lake)
    for file in workspaces.rglob("*"):
        os.utime(file, (1, 1))
    assert ingest(lake, [workspaces]).unchanged == 3
    assert versions(lake) == before


def test_a_change_that_keeps_size_and_mtime_is_seen(lake: Lake, workspaces: Path) -> None:
    file = workspaces / ("a" * 32) / "qlib_res.csv"
    ingest(lake, [workspaces])
    times = file.stat()
    content = file.read_text(encoding="utf-8")
    file.write_text(content.replace("IC,0.02", "IC,0.07", 1), encoding="utf-8")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert ingest(lake, [workspaces]).counts == {"ok": 1, "unchanged": 2}
    where = pl.col("workspace_id") == "a" * 32
    assert lake.read("loops", ["ic"], where)["ic"].to_list() == [0.07]


def test_a_changed_workspace_replaces_its_own_rows_only(lake: Lake, workspaces: Path) -> None:
    ingest(lake, [workspaces])
    before = solid_rows(lake)
    write_metrics(workspaces / ("b" * 32), {"IC": 0.5})
    assert ingest(lake, [workspaces]).counts == {"ok": 1, "unchanged": 2}
    after = solid_rows(lake)
    assert set(before.pop("blobs")) <= set(after["blobs"])
    for name, rows in before.items():
        others = [row for row in rows if "b" * 32 not in row]
        assert [row for row in after[name] if "b" * 32 not in row] == others
        assert len(after[name]) == len(rows)


def test_a_file_that_vanishes_takes_its_rows_along(lake: Lake, workspaces: Path) -> None:
    ingest(lake, [workspaces])
    (workspaces / ("a" * 32) / "ret.parquet").unlink()
    report = ingest(lake, [workspaces])
    assert report.counts == {"ok": 1, "unchanged": 2}
    curves = lake.read("equity_curves", ["workspace_id"])["workspace_id"]
    assert set(curves) == {"b" * 32, "c" * 32}


def test_a_folder_that_vanishes_stays_in_the_library(lake: Lake, workspaces: Path) -> None:
    ingest(lake, [workspaces])
    shutil.rmtree(workspaces / ("a" * 32))
    ingest(lake, [workspaces])
    assert lake.read("loops").height == 3


def test_overwrite_reads_again_and_changes_nothing_but_the_report(
    lake: Lake, workspaces: Path
) -> None:
    ingest(lake, [workspaces])
    before = versions(lake)
    assert ingest(lake, [workspaces], overwrite=True).counts == {"ok": 3, "unchanged": 0}
    changed = {name for name, version in versions(lake).items() if version != before[name]}
    assert changed == {"ingests", "file_lists"}


@pytest.mark.slow
def test_in_parts_or_at_once_ends_in_the_same_rows(tmp_path: Path, workspaces: Path) -> None:
    whole = init_store(tmp_path / "whole")
    ingest(whole, [workspaces])
    parts = init_store(tmp_path / "parts")
    moved = tmp_path / "later"
    shutil.copytree(workspaces, moved)
    shutil.rmtree(moved / ("a" * 32))
    first = tmp_path / "first" / "workspaces"
    shutil.copytree(workspaces / ("a" * 32), first / ("a" * 32))
    later = tmp_path / "second" / "workspaces"
    later.parent.mkdir()
    moved.rename(later)
    for part in (first, later):
        shutil.copytree(tmp_path / PRICES.parent, part.parent / PRICES.parent)
    ingest(parts, [later])
    ingest(parts, [first])
    ingest(parts, [later, first])
    assert solid_rows(parts) == solid_rows(whole)


def test_two_folders_of_one_name_are_reported(lake: Lake, tmp_path: Path, workspaces: Path) -> None:
    make_workspace(tmp_path / "other", "a" * 32, level=0.3)
    report = ingest(lake, [workspaces, tmp_path / "other"])
    assert report.partial
    assert [str(tmp_path / "other" / ("a" * 32))] == [each.file for each in report.root_findings]
    assert lake.read("loops").height == 3


def test_a_root_that_is_missing_is_named(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        ingest(lake, [tmp_path / "nowhere"])
    assert "nowhere" in error.value.where
    assert error.value.fix


BROKEN: dict[str, tuple[str, bytes, set[str]]] = {
    "empty csv": ("qlib_res.csv", b"", {"equity_curves", "factors"}),
    "binary csv": ("qlib_res.csv", bytes(range(256)) * 4, {"equity_curves", "factors"}),
    "half a parquet": ("ret.parquet", b"PAR1\x00\x01", {"factors"}),
    "text for a curve": ("ret.parquet", b"date,return\n", {"factors"}),
    "text for factors": ("combined_factors_df.parquet", b"x", {"equity_curves"}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_bad_file_costs_that_file_only(lake: Lake, workspaces: Path, case: str) -> None:
    name, content, kept = BROKEN[case]
    (workspaces / ("a" * 32) / name).write_bytes(content)
    report = ingest(lake, [workspaces])
    assert report.counts == {"ok": 2, "partial": 1, "unchanged": 0}
    (row,) = lake.read("ingests", where=pl.col("status") == "partial").iter_rows(named=True)
    errors = [each for each in row["findings"] if each["level"] == "error"]
    assert {each["file"] for each in errors} == {name}
    assert all(each["reason"] and each["fix"] for each in errors)
    where = pl.col("workspace_id") == "a" * 32
    assert lake.read("loops", where=where).height == 1
    for table in kept:
        assert lake.read(table, where=where).height > 0
    before = versions(lake)
    assert ingest(lake, [workspaces]).unchanged == 3
    assert versions(lake) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["it's", "two\nlines", "动量 回测", 'quo"te', "sp ace#%41"])
def test_any_folder_name_is_a_workspace(lake: Lake, tmp_path: Path, name: str) -> None:
    folder = make_workspace(tmp_path / "odd", name)
    ingest(lake, [tmp_path / "odd"])
    write_metrics(folder, {"IC": 0.9})
    assert ingest(lake, [tmp_path / "odd"]).counts == {"ok": 1, "unchanged": 0}
    assert lake.read("loops", ["workspace_id", "ic"]).rows() == [(name, 0.9)]


def test_links_are_recorded_and_not_followed(lake: Lake, workspaces: Path) -> None:
    secret = workspaces.parent / "secret.txt"
    secret.write_text("never read", encoding="utf-8")
    (workspaces / ("a" * 32) / "daily_pv.h5").symlink_to(secret)
    ingest(lake, [workspaces])
    (row,) = lake.read("artifacts", where=pl.col("kind") == "link").iter_rows(named=True)
    assert (row["path"], row["target"], row["sha256"]) == ("daily_pv.h5", str(secret), None)


def test_a_metric_that_the_curve_disproves_is_a_warning(lake: Lake, workspaces: Path) -> None:
    name = "1day.excess_return_with_cost.annualized_return"
    write_metrics(workspaces / ("a" * 32), {name: 9.9})
    report = ingest(lake, [workspaces])
    assert not report.partial
    (finding,) = [each for outcome in report.outcomes for each in outcome.findings]
    assert finding.level == "warning"
    assert name in finding.reason
    where = pl.col("workspace_id") == "a" * 32
    assert lake.read("loops", ["annual_return"], where)["annual_return"].to_list() == [9.9]


@pytest.mark.slow
def test_a_killed_ingest_is_completed_by_the_next(
    lake: Lake, workspaces: Path, tmp_path: Path
) -> None:
    whole = init_store(tmp_path / "whole")
    ingest(whole, [workspaces])
    script = textwrap.dedent(
        """
        import os, sys
        import rdlake
        from rdlake.store.lake import Lake
        left = int(sys.argv[3])
        write = Lake._write
        def stop_after(*arguments):
            global left
            if left == 0:
                os._exit(9)
            left -= 1
            return write(*arguments)
        Lake._write = stop_after
        rdlake.open_lake(sys.argv[1]).ingest(sys.argv[2])
        """
    )
    for commits in range(7):
        torn = init_store(tmp_path / f"torn{commits}")
        command = [sys.executable, "-c", script, str(torn.root), str(workspaces), str(commits)]
        assert subprocess.run(command, check=False).returncode in (0, 9)
        ingest(open_store(torn.root), [workspaces])
        assert solid_rows(open_store(torn.root)) == solid_rows(whole)


def test_a_factor_s_own_folder_tells_of_its_values(lake: Lake, tmp_path: Path) -> None:
    for name, content in (("whole", True), ("torn", False), ("none", None)):
        folder = tmp_path / "workspaces" / (name * 8)[:32]
        folder.mkdir(parents=True)
        (folder / "factor.py").write_text("", encoding="utf-8")
        if content is not None:
            store(folder / "result.h5", ("动量_5日",))
        if content is False:
            (folder / "result.h5").write_bytes((folder / "result.h5").read_bytes()[:2000])
    assert ingest(lake, [tmp_path / "workspaces"]).partial
    rows = lake.read("workspaces", ["workspace_id", "role", "values_column", "values_rows"])
    told = {workspace[:4]: rest for workspace, *rest in rows.rows()}
    assert told == {
        "whol": ["sub", "动量_5日", 4],
        "torn": ["sub", None, None],
        "none": ["sub", None, None],
    }
    report = lake.read("ingests", where=pl.col("workspace_id").str.starts_with("torn"))
    assert report["status"].to_list() == ["partial"]
    assert [each["file"] for each in report["findings"][0]] == ["result.h5"]
