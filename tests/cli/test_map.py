"""Test `--map`: the workspaces that a log names are read where the user says that they are."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from rdlake.demo.pickles import Instance, Name
from rdlake.store.opening import open_store
from tests.builders import make_workspace
from tests.builders_traces import WORKSPACES, workspace_id
from tests.cli.run import run
from tests.ingest.bad_input.world import OWN, RUN, Place, both
from tests.lake_rows import versions
from tests.sources.traces.damage import CODED, coded, held

Capture = pytest.CaptureFixture[str]
OLD = WORKSPACES.parent


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Provide a log, and the folders it names in another place than it says."""
    monkeypatch.setenv("ARTIFACT_SIGNING_KEY_PATH", str(tmp_path / "key"))
    (tmp_path / "key").write_bytes(bytes(range(32)))
    (tmp_path / "here").mkdir()
    return both(tmp_path / "here")


def read(capsys: Capture, place: Place, *maps: str) -> tuple[int, dict[str, Any]]:
    options = [part for each in maps for part in ("--map", each)]
    run(capsys, "init")
    seen = run(capsys, "ingest", "--log-path", place.logs, "--json", *options)
    return seen.code, json.loads(seen.out)


def folders() -> set[str]:
    return set(open_store("lake").read("workspaces")["workspace_id"])


def test_without_a_map_only_the_log_is_read_and_nothing_is_said(
    place: Place, capsys: Capture
) -> None:
    code, report = read(capsys, place)
    assert (code, report["root_findings"]) == (0, [])
    assert folders() == set()


@pytest.mark.slow
@pytest.mark.parametrize("old", [OLD, WORKSPACES, OLD.parent, PurePosixPath("/")])
def test_the_workspaces_below_old_are_read_below_new(
    place: Place, capsys: Capture, tmp_path: Path, old: PurePosixPath
) -> None:
    new = tmp_path / "new"
    lies = new / WORKSPACES.relative_to(old)
    lies.parent.mkdir(parents=True, exist_ok=True)
    place.workspaces.rename(lies)
    code, report = read(capsys, place, f"{old}={new}")
    assert (code, report["counts"]) == (0, {"ok": 3, "unchanged": 0})
    assert folders() == {OWN[0], OWN[1]}
    rows = open_store("lake").read("loops").to_dicts()
    assert {row["task_run_id"] for row in rows} == {RUN}


@pytest.mark.slow
def test_a_map_that_comes_later_changes_nothing_of_the_log(place: Place, capsys: Capture) -> None:
    read(capsys, place)
    code, report = read(capsys, place, f"{OLD}={place.path}")
    assert (code, report["counts"]) == (0, {"ok": 2, "unchanged": 1})
    before = versions(open_store("lake"))
    assert read(capsys, place, f"{OLD}={place.path}")[1]["counts"] == {"unchanged": 3}
    assert versions(open_store("lake")) == before


def test_a_root_that_is_named_twice_is_read_once(place: Place, capsys: Capture) -> None:
    run(capsys, "init")
    roots = ("--log-path", place.logs, "--workspaces", place.workspaces)
    seen = run(capsys, "ingest", *roots, "--map", f"{OLD}={place.path}", "--json")
    assert (seen.code, json.loads(seen.out)["root_findings"]) == (0, [])
    assert folders() == {OWN[0], OWN[1]}


def test_a_log_written_on_windows_leads_to_its_folders(place: Place, capsys: Capture) -> None:
    held(CODED, coded(workspace_path=f"F:\\Lake\\RD-Agent_workspace\\{OWN[0]}"))(place.run)
    code, report = read(capsys, place, f"/mnt/f/lake={place.path}", f"f:/Lake={place.path}")
    assert (code, report["root_findings"]) == (0, [])
    assert folders() == {OWN[0], OWN[1]}


@pytest.mark.slow
@pytest.mark.parametrize("way", ["up", "link"])
def test_a_log_that_leads_elsewhere_is_not_followed(
    place: Place, capsys: Capture, tmp_path: Path, way: str
) -> None:
    secret = workspace_id("secret")
    make_workspace(tmp_path / "elsewhere", secret)
    (place.path / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    named = {"up": f"{OLD}/../elsewhere/{secret}", "link": f"{OLD}/link/{secret}"}[way]
    held(CODED, coded(workspace_path=named))(place.run)
    code, report = read(capsys, place, f"{OLD}={place.path}")
    (finding,) = report["root_findings"]
    assert (code, finding["level"]) == (0, "warning")
    assert "leads out of" in finding["reason"] and finding["fix"]
    assert folders() == {OWN[0], OWN[1]}


def test_a_folder_that_is_not_there_is_said(place: Place, capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, report = read(capsys, place, f"{OLD}={tmp_path / 'empty'}")
    (finding,) = report["root_findings"]
    assert (code, finding["level"]) == (0, "warning")
    assert finding["file"] == str(tmp_path / "empty" / "RD-Agent_workspace")


@pytest.mark.parametrize("command", ["ingest", "refresh"])
def test_a_bad_map_is_refused_with_its_remedy(place: Place, capsys: Capture, command: str) -> None:
    run(capsys, "init")
    seen = run(capsys, command, "--log-path", place.logs, "--map", "nonsense")
    assert seen.code == 1
    assert "--map nonsense" in seen.err and "OLD=NEW" in seen.err


@pytest.mark.slow
def test_refresh_takes_a_map_too(place: Place, capsys: Capture) -> None:
    seen = run(capsys, "refresh", "--log-path", place.logs, "--map", f"{OLD}={place.path}")
    assert seen.code == 0
    assert folders() == {OWN[0], OWN[1]}


def test_what_a_log_names_without_a_folder_is_no_root(place: Place, capsys: Capture) -> None:
    nothing = Instance(Name("rdagent", "FactorFBWorkspace"), {"workspace_path": 7})
    held(CODED, [nothing])(place.run)
    code, report = read(capsys, place, f"{OLD}={place.path}")
    assert (code, report["root_findings"]) == (0, [])
