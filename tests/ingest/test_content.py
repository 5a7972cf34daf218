"""Which files' content an ingest keeps, and what a file that cannot be had costs."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

import rdlake
from rdlake.catalog.publish import publish
from rdlake.catalog.verify import verify
from rdlake.ingest import content
from rdlake.ingest.content import is_worth_keeping
from rdlake.ingest.pipeline import IngestReport
from rdlake.store.blobs import read_content, stored_digests
from rdlake.store.lake import Lake
from tests.builders import make_workspace, write_metrics
from tests.ingesting import ingest
from tests.lake_rows import versions

A, B, C = ("a" * 32, "b" * 32, "c" * 32)
HEAVY = "combined_factors_df.parquet"


def digest_of(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def digests(folder: Path, *without: str) -> set[str]:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return {digest_of(path) for path in files if path.name not in without}


def errors(report: IngestReport) -> dict[str | None, str]:
    found = [each for outcome in report.outcomes for each in outcome.findings]
    return {each.file: each.reason for each in found if each.level == "error"}


@pytest.mark.parametrize(
    ("path", "word", "size", "essential"),
    [
        ("qlib_res.csv", "backtest_metrics", 1, True),
        ("ret.pkl", "backtest_curve", 1, True),
        ("conf.yaml", "config_snapshot", 0, True),
        ("因子/工具.py", "code", 1, True),
        ("notes.json", None, 1, True),
        ("图.png", None, 1, True),
        ("mlruns/1/2/artifacts/params.pkl", "model", 32 << 20, True),
        ("mlruns/1/2/artifacts/params.pkl", "model", (32 << 20) + 1, False),
        ("mlruns/1/2/artifacts/task", None, 1, True),
        ("mlruns/1/2/metrics/IC", None, 1, True),
        ("mlruns/1/2/artifacts/portfolio_analysis/report_normal_1day.pkl", None, 1, True),
        ("mlruns/1/2/artifacts/portfolio_analysis/positions_normal_1day.pkl", None, 1, False),
        ("mlruns/1/2/artifacts/pred.pkl", "signals", 1, False),
        ("mlruns/1/2/tags/mlflow.user", None, 1, False),
        (HEAVY, "feature_set", 1, False),
        ("result.h5", "factor_data", 1, False),
        ("qlib_res.csv", "backtest_metrics", None, False),
    ],
)
def test_what_is_essential(path: str, word: str | None, size: int | None, essential: bool) -> None:
    assert is_worth_keeping("essential", path, word, size) is essential
    assert is_worth_keeping("all", path, word, size)
    assert not is_worth_keeping("none", path, word, size)


def test_essential_files_are_kept_and_heavy_ones_known_by_digest(
    lake: Lake, workspaces: Path
) -> None:
    ingest(lake, [workspaces])
    assert stored_digests(lake) == digests(workspaces, HEAVY)
    for digest in stored_digests(lake):
        assert sha256(b"".join(read_content(lake, digest))).hexdigest() == digest
    publish(lake)
    with rdlake.connect(lake.root) as reader:
        kept = dict(reader.execute("SELECT path, bool_and(kept) FROM artifact_list GROUP BY ALL")
                    .fetchall())  # fmt: skip
    assert {path for path, each in kept.items() if not each} == {HEAVY}
    assert verify(lake, deep=True).faults == ()


def test_the_same_content_is_kept_once(lake: Lake, workspaces: Path, tmp_path: Path) -> None:
    ingest(lake, [workspaces])
    rows = lake.snapshot("blobs").rows
    make_workspace(tmp_path / "more", "d" * 32, level=0.001)
    ingest(lake, [tmp_path / "more"])
    assert lake.snapshot("blobs").rows == rows


@pytest.mark.slow
def test_keeping_more_later_completes_and_less_removes_nothing(
    lake: Lake, workspaces: Path
) -> None:
    ingest(lake, [workspaces], keep="none")
    assert stored_digests(lake) == frozenset()
    assert ingest(lake, [workspaces], keep="none").counts == {"unchanged": 3}
    assert ingest(lake, [workspaces]).counts == {"ok": 3, "unchanged": 0}
    assert stored_digests(lake) == digests(workspaces, HEAVY)
    assert ingest(lake, [workspaces]).counts == {"unchanged": 3}
    assert ingest(lake, [workspaces], keep="all").counts == {"ok": 2, "unchanged": 1}
    assert stored_digests(lake) == digests(workspaces)
    before = versions(lake)
    for keep in content.KEEPS:
        assert ingest(lake, [workspaces], keep=keep).counts == {"unchanged": 3}
    assert versions(lake) == before
    write_metrics(workspaces / A, {"IC": 0.5})
    there = stored_digests(lake)
    ingest(lake, [workspaces], keep="none")
    assert stored_digests(lake) == there


# --- files that cannot be had ----------------------------------------------------------------


def changed(file: Path) -> None:
    file.write_bytes(b"x" * file.stat().st_size)


def cut(file: Path) -> None:
    os.truncate(file, 3)


def put_in_its_place(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(b"secret")
    file.unlink()
    file.symlink_to(other)


def folder_in_its_place(file: Path) -> None:
    file.unlink()
    file.mkdir()


def pipe_in_its_place(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


ACTS: dict[str, Callable[[Path], None]] = {
    "changed": changed,
    "cut": cut,
    "gone": Path.unlink,
    "link": put_in_its_place,
    "folder": folder_in_its_place,
    "pipe": pipe_in_its_place,
}


@pytest.mark.slow
@pytest.mark.parametrize("act", ACTS)
def test_a_file_that_changes_before_it_is_kept_is_not_kept_and_named(
    lake: Lake, tmp_path: Path, act: str
) -> None:
    """It was read and hashed; then, before the batch is committed, something is done to it."""
    folder = make_workspace(tmp_path / "workspaces", A)
    (folder / "权重.json").write_text("{}" * 50, encoding="utf-8")
    before = digest_of(folder / "权重.json")

    def meanwhile(done: int, total: int) -> None:
        ACTS[act](folder / "权重.json")

    report = ingest(lake, [tmp_path / "workspaces"], on_progress=meanwhile)
    assert list(errors(report)) == ["权重.json"]
    assert "not kept" in errors(report)["权重.json"]
    assert report.counts["partial"] == 1
    assert stored_digests(lake) == digests(folder, HEAVY, "权重.json", "other")
    assert before not in stored_digests(lake)
    assert lake.read("equity_curves").height == 20
    again = ingest(lake, [tmp_path / "workspaces"])
    assert not errors(again)
    assert stored_digests(lake) >= digests(folder, HEAVY, "other")


def test_a_copy_elsewhere_serves_when_a_file_is_gone(lake: Lake, tmp_path: Path) -> None:
    for name in (A, B):
        make_workspace(tmp_path / "workspaces", name)

    def meanwhile(done: int, total: int) -> None:
        if done == total:
            (tmp_path / "workspaces" / A / "qlib_res.csv").unlink()

    report = ingest(lake, [tmp_path / "workspaces"], on_progress=meanwhile)
    assert not errors(report)
    assert digest_of(tmp_path / "workspaces" / B / "qlib_res.csv") in stored_digests(lake)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_costs_that_file(lake: Lake, tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "workspaces", A)
    (folder / "model.json").write_text("{}", encoding="utf-8")
    (folder / "model.json").chmod(0)
    assert list(errors(ingest(lake, [tmp_path / "workspaces"]))) == ["model.json"]
    assert stored_digests(lake) == digests(folder, HEAVY, "model.json")


def test_links_and_pipes_are_never_kept_and_nothing_is_kept_as_nothing(
    lake: Lake, tmp_path: Path
) -> None:
    folder = make_workspace(tmp_path / "workspaces", A)
    secret = tmp_path / "secret.json"
    secret.write_text("never read", encoding="utf-8")
    (folder / "link.json").symlink_to(secret)
    os.mkfifo(folder / "pipe.json")
    (folder / "空.json").touch()
    assert not errors(ingest(lake, [tmp_path / "workspaces"], keep="all"))
    assert digest_of(secret) not in stored_digests(lake)
    empty = lake.read("blobs", where=pl.col("sha256") == sha256().hexdigest()).to_dicts()
    assert [(row["chunk"], row["data"], row["size"]) for row in empty] == [(0, b"", 0)]


@pytest.mark.slow
def test_a_stopped_ingest_is_completed_by_the_next(lake: Lake, workspaces: Path) -> None:
    script = textwrap.dedent(
        """
        import os, sys
        import rdlake
        from rdlake.store.lake import Lake
        commit = Lake.commit
        def stop(*arguments):
            os._exit(9)
        Lake.commit = stop
        rdlake.open_lake(sys.argv[1]).ingest(sys.argv[2])
        """
    )
    command = [sys.executable, "-c", script, str(lake.root), str(workspaces)]
    assert subprocess.run(command, check=False).returncode == 9
    rows = lake.snapshot("blobs").rows
    assert rows
    assert lake.read("artifacts").is_empty()
    assert ingest(lake, [workspaces]).counts == {"ok": 3, "unchanged": 0}
    assert lake.snapshot("blobs").rows == rows


def test_content_that_a_repair_took_away_is_stored_again(lake: Lake, workspaces: Path) -> None:
    ingest(lake, [workspaces])
    there = stored_digests(lake)
    gone = digest_of(workspaces / A / "qlib_res.csv")
    lake.commit({"blobs": pl.DataFrame(schema={"sha256": pl.String})}, {"sha256": [gone]})
    assert stored_digests(lake) == there - {gone}
    assert ingest(lake, [workspaces]).counts == {"ok": 1, "unchanged": 2}
    assert stored_digests(lake) == there


HUGE = """
    import resource, sys
    import rdlake
    lake = rdlake.open_lake(sys.argv[1])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lake.ingest(sys.argv[2], keep="all")
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


@pytest.mark.slow
def test_a_huge_sparse_file_is_kept_in_bounded_memory(lake: Lake, tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "workspaces", A)
    with (folder / "巨大.bin").open("wb") as file:
        file.truncate(1 << 30)
    command = [sys.executable, "-c", textwrap.dedent(HUGE), str(lake.root), str(folder.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 600
    (row,) = lake.read("artifacts", where=pl.col("path") == "巨大.bin").to_dicts()
    assert row["sha256"] in stored_digests(lake)
    assert lake.read("blobs", ["chunk"], pl.col("sha256") == row["sha256"]).height == 1024
