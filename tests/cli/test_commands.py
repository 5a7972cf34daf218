"""Test commands as a shell sees them: data on stdout, talk on stderr, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import make_workspace
from tests.cli.run import run
from tests.places import DATA

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def published(tmp_path: Path, workspaces: Path, capsys: Capture) -> Path:
    """Provide a lake with one published version."""
    assert run(capsys, "refresh", "--lake", tmp_path / "lake", "--workspaces", workspaces).code == 0
    return tmp_path / "lake"


def test_help_loads_nothing_heavy() -> None:
    heavy = (
        "{'deltalake', 'duckdb', 'polars', 'pyarrow', 'matplotlib', 'numpy', 'rich', 'pydantic'}"
    )
    code = (
        "import sys\nfrom rdlake.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
        f"loaded = {heavy} & set(sys.modules)\nassert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "catalogs" in done.stdout


def test_catalogs_alone_can_be_ingested(tmp_path: Path, capsys: Capture) -> None:
    lake, legacy = tmp_path / "lake", DATA / "legacy_catalogs"
    assert run(capsys, "init", "--lake", lake).code == 0
    done = run(capsys, "ingest", "--lake", lake, "--catalogs", legacy)
    assert (done.code, done.out) == (0, "")
    assert "1 ok" in done.err
    again = run(capsys, "ingest", "--lake", lake, "--catalogs", legacy, "--json")
    assert json.loads(again.out)["counts"] == {"unchanged": 1}
    missing = run(capsys, "ingest", "--lake", lake, "--catalogs", tmp_path / "missing")
    assert missing.code == 1
    assert "factor_catalog.json" in missing.err


@pytest.mark.parametrize(
    "command",
    [
        ["init"],
        ["ingest"],
        ["refresh"],
        ["sql"],
        ["blobs"],
        ["blobs", "list"],
        ["blobs", "extract"],
        ["plot"],
        ["maintain"],
        ["doctor"],
        ["demo"],
        *(
            ["catalogs", name]
            for name in (
                "publish",
                "list",
                "show",
                "attach",
                "as-of",
                "diff",
                "rollback",
                "release",
                "verify",
                "checks",
            )
        ),
    ],
    ids=" ".join,
)
def test_every_command_explains_itself(command: list[str], capsys: Capture) -> None:
    seen = run(capsys, *command, "--help")
    assert seen.code == 0
    assert "Usage:" in seen.out


def test_init_twice_names_the_same_lake(tmp_path: Path, capsys: Capture) -> None:
    first = run(capsys, "init", "--lake", tmp_path / "lake")
    second = run(capsys, "init", "--lake", tmp_path / "lake")
    assert (first.code, second.code) == (0, 0)
    assert first.err == second.err


def test_no_lake_is_exit_10_and_says_how_to_make_one(tmp_path: Path, capsys: Capture) -> None:
    for command in (["doctor"], ["catalogs", "list"], ["sql", "SELECT 1"], ["maintain"]):
        seen = run(capsys, *command, "--lake", tmp_path / "none")
        assert seen.code == 10
        assert "rdlake init" in seen.err
        assert seen.out == ""


def test_ingest_without_folders_says_how_to_name_them(tmp_path: Path, capsys: Capture) -> None:
    run(capsys, "init")
    seen = run(capsys, "ingest")
    assert seen.code == 1
    assert "--workspaces" in seen.err


@pytest.mark.slow
def test_ingest_counts_and_then_finds_nothing_new(
    tmp_path: Path, workspaces: Path, capsys: Capture
) -> None:
    run(capsys, "init")
    assert "3 ok" in run(capsys, "ingest", "--workspaces", workspaces).err
    assert "3 unchanged" in run(capsys, "ingest", "--workspaces", workspaces).err


def test_a_damaged_file_is_exit_3_with_file_reason_and_fix(
    workspaces: Path, capsys: Capture
) -> None:
    (make_workspace(workspaces, "d" * 32) / "ret.parquet").write_bytes(b"PAR1 no parquet")
    run(capsys, "init")
    seen = run(capsys, "ingest", "--workspaces", workspaces, "--json")
    assert seen.code == 3
    report = json.loads(seen.out)
    assert report["counts"] == {"ok": 3, "partial": 1, "unchanged": 0}
    (finding,) = [
        each
        for outcome in report["outcomes"]
        for each in outcome["findings"]
        if each["level"] == "error"
    ]
    assert finding["file"] == "ret.parquet"
    assert finding["reason"]
    assert finding["fix"]


def test_refresh_shows_the_top_loops_and_how_to_attach(
    tmp_path: Path, workspaces: Path, capsys: Capture
) -> None:
    seen = run(capsys, "refresh", "--lake", tmp_path / "lake", "--workspaces", workspaces)
    assert seen.code == 0
    assert "annual_return" in seen.out
    assert "ATTACH" in seen.err


@pytest.mark.slow
def test_refresh_again_has_nothing_new(published: Path, workspaces: Path, capsys: Capture) -> None:
    before = sorted(published.rglob("*.json"))
    seen = run(capsys, "refresh", "--lake", published, "--workspaces", workspaces)
    assert "nothing new: catalog version 1 stands" in seen.err
    assert sorted(published.rglob("*.json")) == before


@pytest.mark.slow
def test_refresh_takes_the_sample_when_nothing_is_configured(
    tmp_path: Path, capsys: Capture
) -> None:
    seen = run(capsys, "refresh")
    assert seen.code == 0
    assert "bundled sample" in seen.err
    assert (tmp_path / "lake" / "catalog.duckdb").is_file()


@pytest.mark.slow
def test_the_folder_of_workspaces_may_come_from_dotenv(
    tmp_path: Path, workspaces: Path, capsys: Capture
) -> None:
    (tmp_path / ".env").write_text(f"RDLAKE_WORKSPACES={workspaces}\n", encoding="utf-8")
    assert "3 ok" in run(capsys, "refresh").err
    settings = json.loads(run(capsys, "doctor", "--json").out)["settings"]
    assert {each["name"]: each["origin"] for each in settings} == {
        "charts": "default",
        "factors_lib_root": "default",
        "keep": "default",
        "lake": "default",
        "logs": "default",
        "prices": "default",
        "registries": "default",
        "strategies_lib_root": "default",
        "workspaces": ".env",
    }


@pytest.mark.slow
def test_several_folders_are_separated_as_the_system_does(
    tmp_path: Path, workspaces: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    make_workspace(other, "e" * 32)
    monkeypatch.setenv("RDLAKE_WORKSPACES", os.pathsep.join([str(workspaces), str(other)]))
    assert "4 ok" in run(capsys, "refresh").err


@pytest.mark.slow
def test_listings_are_strict_json(published: Path, capsys: Capture) -> None:
    for command in (
        ["catalogs", "list"],
        ["catalogs", "show", "1"],
        ["catalogs", "as-of", "2999-01-01"],
        ["catalogs", "diff", "1", "1"],
        ["catalogs", "verify"],
        ["catalogs", "checks"],
        ["sql", "FROM loop_catalog"],
        ["maintain", "--dry-run"],
        ["doctor"],
    ):
        seen = run(capsys, *command, "--lake", published, "--json")
        assert seen.code == 0, (command, seen.err)
        json.loads(seen.out, parse_constant=pytest.fail)


@pytest.mark.slow
def test_a_version_that_is_not_there_is_named(published: Path, capsys: Capture) -> None:
    seen = run(capsys, "catalogs", "show", "7", "--lake", published)
    assert seen.code == 1
    assert "there is no catalog version 7" in seen.err


def test_no_time_is_a_usage_error(published: Path, capsys: Capture) -> None:
    assert run(capsys, "catalogs", "as-of", "yesterday", "--lake", published).code == 2


def test_a_query_that_duckdb_refuses_is_an_error_with_a_fix(
    published: Path, capsys: Capture
) -> None:
    seen = run(capsys, "sql", "SELECT nothing FROM nowhere", "--lake", published)
    assert seen.code == 1
    assert "SHOW TABLES" in seen.err


def test_sql_cannot_write_to_the_catalog(published: Path, capsys: Capture) -> None:
    assert run(capsys, "sql", "CREATE TABLE mine (a INT)", "--lake", published).code == 1


@pytest.mark.slow
def test_sql_prints_every_kind_of_value(published: Path, capsys: Capture) -> None:
    query = "SELECT metrics, factor_names, curve_start, 'nan'::DOUBLE AS gap FROM loop_catalog"
    assert run(capsys, "sql", query, "--lake", published).code == 0
    rows = json.loads(run(capsys, "sql", query, "--lake", published, "--json").out)
    assert rows[0]["metrics"]["IC"] == 0.02
    assert rows[0]["gap"] is None


@pytest.mark.slow
def test_rollback_holds_publishing_until_release(
    published: Path, workspaces: Path, capsys: Capture
) -> None:
    make_workspace(workspaces, "d" * 32)
    run(capsys, "refresh", "--lake", published, "--workspaces", workspaces)
    assert "version 3" in run(capsys, "catalogs", "rollback", "1", "--lake", published).err
    held = run(capsys, "catalogs", "publish", "--lake", published)
    assert held.code == 0
    assert "held" in held.err
    assert "version 4" in run(capsys, "catalogs", "release", "--lake", published).err


@pytest.mark.slow
def test_a_flipped_bit_is_exit_4_when_looked_at_deeply(published: Path, capsys: Capture) -> None:
    (file,) = (published / "tables" / "equity_curves").glob("*.parquet")
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(content)
    assert run(capsys, "catalogs", "verify", "--lake", published).code == 0
    seen = run(capsys, "catalogs", "verify", "--deep", "--lake", published, "--json")
    assert seen.code == 4
    (fault,) = json.loads(seen.out)["faults"]
    assert fault["file"] == str(file)
    assert fault["versions"] == [1]


@pytest.mark.slow
def test_a_torn_log_is_refused_and_repaired(
    published: Path, workspaces: Path, capsys: Capture
) -> None:
    log = published / "tables" / "loops" / "_delta_log"
    last = max(log.glob("*.json"))
    last.write_bytes(b"")
    seen = run(capsys, "sql", "SELECT 1", "--lake", published)
    assert seen.code == 4
    assert "rdlake doctor --repair" in seen.err
    assert str(last) in seen.err
    assert run(capsys, "doctor", "--lake", published).code == 4
    assert run(capsys, "doctor", "--repair", "--lake", published).code == 0
    assert run(capsys, "ingest", "--lake", published, "--workspaces", workspaces).code == 0
    assert run(capsys, "sql", "FROM loop_catalog", "--lake", published).code == 0


@pytest.mark.slow
def test_demo_writes_what_refresh_reads(tmp_path: Path, capsys: Capture) -> None:
    seen = run(capsys, "demo", tmp_path / "demo", "--experiments", 5, "--json")
    assert seen.code == 0
    folder = json.loads(seen.out)["workspaces"]
    assert run(capsys, "refresh", "--workspaces", folder).code == 0


def test_demo_refuses_a_folder_that_is_not_empty(workspaces: Path, capsys: Capture) -> None:
    assert run(capsys, "demo", workspaces).code == 1
