"""Check that each fault of a log folder costs only itself, and is reported with file and fix."""

from __future__ import annotations

import os
import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rdlake.demo.pickles import Instance
from rdlake.demo.traces import FAKE_SECRETS
from rdlake.domain.experiment import Finding
from rdlake.domain.trace import TracedLoop, TracedRun
from rdlake.sources.traces import RunFolder, find_runs, read_run, scan_run
from rdlake.sources.traces.run import MAX_FINDINGS
from tests.builders_traces import (
    KEY,
    make_loop,
    make_proposal,
    read_only,
    workspace_id,
    write_run,
)
from tests.sources.traces.damage import (
    DAMAGES,
    FEEDBACK,
    HYPOTHESIS,
    MESSAGES,
    ODD,
    RESULT,
    changed,
    held,
    only,
    removed,
)

LOOPS = (make_loop(0, call_cost=0.1), make_loop(1, builds_on=(0,)))
SILENT = {"a folder instead of a message"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "log", *LOOPS)


def plain(loop: TracedLoop) -> TracedLoop:
    """Return the loop without its frame, which has no plain equality."""
    return replace(loop, curve=None)


def check_findings(run: TracedRun, tmp_path: Path) -> None:
    told = repr(run.findings)
    assert all(finding.reason and finding.fix for finding in run.findings)
    assert str(tmp_path) not in told
    assert not [secret for secret in FAKE_SECRETS if secret in repr(run)]


@pytest.mark.parametrize("case", sorted(DAMAGES))
def test_damage_is_said_and_costs_no_more(tmp_path: Path, folder: Path, case: str) -> None:
    damage, whole = DAMAGES[case], read_only(tmp_path / "log")
    damage.done(folder)
    run = read_only(tmp_path / "log")
    check_findings(run, tmp_path)
    said = [finding for finding in run.findings if damage.reason in finding.reason]
    assert bool(said) != (case in SILENT), run.findings
    for finding in said:
        assert finding.level == damage.level
        assert (finding.file or "").startswith(damage.file or "")
    assert not (tmp_path / "hacked").exists()
    if "two loops" not in case:
        assert plain(run.loops[-1]) == plain(whole.loops[-1])
        assert run.loops[-1].curve is not None


def test_both_workspaces_are_named_when_two_claim_a_loop(tmp_path: Path, folder: Path) -> None:
    DAMAGES["two workspaces for one loop"].done(folder)
    (finding,) = read_only(tmp_path / "log").findings
    assert "e" * 32 in finding.reason
    assert workspace_id("own", 0) in finding.reason


def test_a_torn_result_is_no_skipped_loop(tmp_path: Path, folder: Path) -> None:
    only(folder, RESULT).write_bytes(b"")
    first = read_only(tmp_path / "log").loops[0]
    assert (first.status, first.metrics, first.workspace_id) == (None, None, None)


def test_a_torn_hypothesis_is_taken_from_the_result(tmp_path: Path, folder: Path) -> None:
    only(folder, HYPOTHESIS).write_bytes(b"")
    said = read_only(tmp_path / "log").loops[0].hypothesis
    assert said and said.hypothesis == LOOPS[0].hypothesis


def test_a_loop_without_feedback_has_none(tmp_path: Path, folder: Path) -> None:
    removed(f"{FEEDBACK}/*/*")(folder)
    first = read_only(tmp_path / "log").loops[0]
    assert (first.status, first.feedback) == ("failed", None)
    assert first.has_result


def test_with_a_wrong_key_nothing_is_taken(tmp_path: Path, folder: Path) -> None:
    run = read_only(tmp_path / "log", key=b"x" * 32)
    assert run.signature == "bad"
    assert all("signature" in finding.reason for finding in run.findings)
    assert [(loop.tasks, loop.metrics, loop.feedback) for loop in run.loops] == [
        (None, None, None)
    ] * 2


def test_a_file_that_vanishes_costs_itself(tmp_path: Path, folder: Path) -> None:
    scanned = scan_run(folder)
    only(folder, FEEDBACK).unlink()
    run = read_run(RunFolder(folder, tmp_path / "log"), scanned, key=KEY)
    (finding,) = run.findings
    assert finding.level == "error" and "cannot be read" in finding.reason
    assert run.loops[0].metrics and run.loops[0].feedback is None


def test_a_folder_that_vanishes_is_an_error(tmp_path: Path, folder: Path) -> None:
    place = RunFolder(folder, tmp_path / "log")
    folder.rename(tmp_path / "away")
    run = read_run(place, key=KEY)
    assert (run.loops, run.stat_digest, run.status) == ((), None, None)
    assert [finding.level for finding in run.findings] == ["error"]


def test_a_message_put_in_the_place_of_another_is_not_read(tmp_path: Path, folder: Path) -> None:
    scanned, message = scan_run(folder), only(folder, FEEDBACK)
    (tmp_path / "other.pkl").write_bytes(message.read_bytes())
    (tmp_path / "other.pkl").replace(message)
    run = read_run(RunFolder(folder, tmp_path / "log"), scanned, key=KEY)
    assert ["replaced" in finding.reason for finding in run.findings] == [True]


@pytest.mark.skipif(os.geteuid() == 0, reason="an administrator reads every folder")
def test_an_unreadable_folder_costs_itself(tmp_path: Path, folder: Path) -> None:
    (folder / FEEDBACK).chmod(0)
    run = read_only(tmp_path / "log")
    (folder / FEEDBACK).chmod(0o700)
    assert [finding.file for finding in run.findings] == [FEEDBACK]


def test_sessions_alone_are_a_run_without_loops(tmp_path: Path) -> None:
    (tmp_path / "log" / "run" / "__session__" / "0").mkdir(parents=True)
    (tmp_path / "log" / "run" / "__session__" / "0" / "0_coding").write_bytes(b"\x80\x04N.")
    run = read_only(tmp_path / "log")
    assert (run.loops, run.status, run.signature) == ((), None, None)
    assert [finding.level for finding in run.findings] == ["warning"]


def test_a_run_that_only_began_says_so(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "log", *LOOPS)
    for loop in folder.glob("Loop_*"):
        loop.rename(tmp_path / loop.name)
    run = read_only(tmp_path / "log")
    assert (run.loops, run.scenario) == ((), "fin_factor")
    assert [finding.reason for finding in run.findings] == ["the run has no loop"]


@pytest.mark.parametrize("name", ["实验 一", "run \U0001f680", "a \"quoted\" & 'odd' name", "a\nb"])
def test_any_name_of_a_folder_will_do(tmp_path: Path, name: str) -> None:
    folder = write_run(tmp_path / "log", *LOOPS, name=name)
    (folder / "笔记 \U0001f4dd").mkdir()
    run = read_only(tmp_path / "log")
    assert (run.folder_name, run.path, run.findings) == (name, name, ())
    assert [loop.status for loop in run.loops] == ["success", "success"]


@pytest.mark.skipif(sys.platform == "darwin", reason="the system refuses such names")
def test_a_name_that_is_not_utf_8_is_a_warning(tmp_path: Path, folder: Path) -> None:
    (Path(os.fsdecode(os.fsencode(folder / FEEDBACK) + b"/\xff"))).write_bytes(b"")
    run = read_only(tmp_path / "log")
    assert [finding.level for finding in run.findings] == ["warning"]
    assert run.loops[0].feedback


def test_only_so_many_findings_are_kept(tmp_path: Path, folder: Path) -> None:
    for number in range(MAX_FINDINGS + 50):
        (folder / "Loop_0" / f"{number}.pkl").write_bytes(b"")
    findings = read_only(tmp_path / "log").findings
    assert len(findings) == MAX_FINDINGS + 1
    assert findings[-1] == Finding(
        "warning", None, "50 more problems of this run are not listed", "mend those listed first"
    )


def test_half_letters_become_letters_a_table_can_hold(tmp_path: Path) -> None:
    torn = make_proposal("MOM", description="half \ud83d a letter", code="x = '\udcff'\n")
    write_run(tmp_path / "log", make_loop(proposals=(torn,), reason="\ud800"))
    (loop,) = read_only(tmp_path / "log").loops
    (task,) = loop.tasks or ()
    assert task.description == "half ? a letter"
    assert task.code["factor.py"] == "x = '?'\n"
    assert loop.hypothesis and loop.hypothesis.reason == "?"


def test_settings_prompts_and_sessions_are_never_opened(tmp_path: Path, folder: Path) -> None:
    before = read_only(tmp_path / "log")
    for path in folder.rglob("*"):
        tag = path.parent.parent.name
        if path.is_file() and (tag.startswith("debug_") or tag.endswith("_SETTINGS")):
            path.write_bytes(b"no pickle")
    for path in folder.glob("__session__/*/*"):
        path.write_bytes(b"no pickle")
    after = read_only(tmp_path / "log")
    assert after.findings == ()
    assert (after.stat_digest, after.source_digest) == (before.stat_digest, before.source_digest)


@pytest.mark.slow
def test_no_content_of_a_field_stops_the_reader(tmp_path: Path, folder: Path) -> None:
    rng = random.Random(1)
    whole = {tag: value for tag, value in MESSAGES.items() if isinstance(value, Instance)}
    for _ in range(150):
        tag, odd = rng.choice(sorted(whole)), rng.choice(ODD)
        field = rng.choice(sorted(whole[tag].attributes))
        message, before = only(folder, tag), only(folder, tag).read_bytes()
        held(tag, changed(whole[tag], **{field: odd}))(folder)
        check_findings(read_only(tmp_path / "log"), tmp_path)
        message.write_bytes(before)


@pytest.mark.slow
def test_no_torn_bytes_stop_the_reader(tmp_path: Path) -> None:
    folder, rng = write_run(tmp_path / "log", *LOOPS, key=None), random.Random(2)
    for _ in range(150):
        message = only(folder, rng.choice(sorted(MESSAGES)))
        before = message.read_bytes()
        torn = bytearray(before)
        for _ in range(rng.randint(1, 6)):
            torn[rng.randrange(len(torn))] = rng.randrange(256)
        message.write_bytes(torn)
        check_findings(read_only(tmp_path / "log"), tmp_path)
        message.write_bytes(before)


def test_the_found_runs_of_a_damaged_folder_stay_the_same(tmp_path: Path, folder: Path) -> None:
    removed("**/*.pkl")(folder)
    assert [run.relative for run in find_runs(tmp_path / "log").runs] == [folder.name]
