"""Whatever a plan says, the lake holds and happens meanwhile: no deletion that is not proven, and
whatever was deleted comes back from the archive or the trash."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rdlake.errors import RdlakeError
from rdlake.library import Library
from rdlake.operations.archive import archive
from rdlake.operations.cleanup import CLASSES, STAGES, Plan, apply_plan, purge
from rdlake.operations.cleanup.classes import EMPTY, class_of
from rdlake.operations.keep import pin
from rdlake.store.blobs import read_content, stored_digests
from tests.operations.archive.test_restore import rot
from tests.operations.archive.world import IDS, put_rows
from tests.operations.cleanup.world import LONG_AGO, Cleaned, age, copied, in_trash, listing

NAMES = st.sampled_from([*IDS, "d" * 32])
FILES = st.sampled_from(
    ["qlib_res.csv", "ret.parquet", "combined_factors_df.parquet", "params.pkl", "factor.py",
     "notes.bin", "new.json", "below/inside"]
)  # fmt: skip
PATHS = st.one_of(
    NAMES,
    st.sampled_from(["/", "~", "..", ".", "", "../lake", "/etc", "C:/", "a/../..", "\x00", "x"]),
    st.text(max_size=8),
)
Change = tuple[str, str, str]
CHANGES = st.tuples(
    st.sampled_from(
        ["write", "delete", "link", "use", "ingest", "archive", "pin", "rot", "rows", "folder link",
         "fifo", "touch", "trash file"]
    ),
    NAMES,
    FILES,
)  # fmt: skip
EDITS = st.one_of(
    st.tuples(st.just("folder"), PATHS),
    st.tuples(st.just("name"), PATHS),
    st.tuples(st.just("path"), PATHS),
    st.tuples(st.just("sha256"), st.sampled_from(["0" * 64, EMPTY, None])),
    st.tuples(st.just("proof"), st.sampled_from(["archive", "empty", "link", *CLASSES, None])),
    st.tuples(st.just("stage"), st.sampled_from(STAGES)),
    st.tuples(st.just("may_go"), st.just("all")),
    st.tuples(st.just("drop"), st.just("file")),
    st.tuples(st.just("level"), st.sampled_from([0, 1, 3, "2"])),
    st.tuples(st.just("size"), st.integers(-1, 10)),
)
STAGES_ASKED = st.sets(st.sampled_from(["intermediates", "workspace", "junk"]), min_size=1)


def change(world: Cleaned, what: Change) -> None:
    """Something that happens to disk, lake or archive."""
    kind, name, path = what
    folder = world.workspaces / name
    file = folder / path
    if kind in ("ingest", "archive", "pin", "rows", "rot"):
        _change_lakes(world, kind, name, path)
    elif not folder.is_dir() or folder.is_symlink():
        return
    elif kind == "write" and not file.is_symlink():
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{kind} {path}")
    elif kind == "delete":
        file.unlink(missing_ok=True)
    elif kind == "link" and file.exists():
        file.unlink()
        file.symlink_to("/etc/hostname")
    elif kind == "folder link":
        shutil.move(folder, world.folder / name)
        folder.symlink_to(world.folder / name)
    elif kind == "fifo" and not (folder / "pipe").exists():
        os.mkfifo(folder / "pipe")
    age(world.workspaces)
    if kind in ("use", "touch") and folder.is_dir():
        os.utime(folder, None if kind == "use" else (LONG_AGO, 1.7e9 + 1e8))


def _change_lakes(world: Cleaned, kind: str, name: str, path: str) -> None:
    try:
        if kind == "ingest":
            Library(world.lake).ingest(world.workspaces)
        elif kind == "archive":
            archive(world.lake, world.to)
        elif kind == "pin":
            pin(world.lake, name, "because")
        elif kind == "rows":
            put_rows(world.there, "workspaces", name)
        else:
            rot(world.there, name, path)
    except (RdlakeError, ValueError, AssertionError, StopIteration, IndexError):
        return  # it cannot happen to this lake


def edited(plan: Plan, edits: list[tuple[str, Any]]) -> Plan | None:
    """The plan as a hand made it; None when it is no plan any longer."""
    text = plan.model_dump(mode="json")
    for number, (field, value) in enumerate(edits):
        if not text["items"]:
            break
        item = text["items"][number % len(text["items"])]
        if field == "may_go":
            for each in text["items"]:
                each.update(may_go=True, reasons=[])
        elif field in ("path", "sha256", "proof", "drop"):
            if item["files"] and field == "drop":
                item["files"].pop()
            elif item["files"]:
                item["files"][0][field] = value
        else:
            item[field] = value
    try:
        return Plan.model_validate_json(json.dumps(text))
    except ValidationError:
        return None


def holds(world: Cleaned, before: dict[str, object], allowed: frozenset[str]) -> None:
    """What is no longer in its place is in the trash, or its bytes are in the archive, or it is of
    a class that was allowed."""
    after = listing(world.workspaces)
    assert after.items() <= before.items()
    trash = [world.workspaces / path for path in in_trash(world.workspaces)]
    lying = {sha256(path.read_bytes()).hexdigest() for path in trash if not path.is_symlink()}
    there = stored_digests(world.there)
    for path in before.keys() - after.keys():
        content = before[path]
        if not isinstance(content, bytes):
            continue  # a link; its target is a column
        digest, inner = sha256(content).hexdigest(), path.partition("/")[2]
        if digest in lying or digest == EMPTY or class_of(inner) in allowed:
            continue
        assert digest in there, path
        assert b"".join(read_content(world.there, digest)) == content, path


def check(  # noqa: PLR0917
    template: Cleaned,
    folder: Path,
    stages: set[str],
    before: list[Change],
    edits: list[tuple[str, Any]],
    after: list[Change],
    later: list[Change],
) -> bool:
    """One world and plan; whether anything was deleted for good."""
    shutil.rmtree(folder, ignore_errors=True)
    world = copied(template, folder)
    for each in before:
        change(world, each)
    asked = replace(world.given, stages=tuple(sorted(stages)))  # type: ignore[arg-type]
    plan = world.plan(*asked.stages)
    for each in after:
        change(world, each)
    whole = listing(world.workspaces)
    changed = edited(plan, edits)
    if changed is None:
        return False
    try:
        apply_plan(world.lake, world.to, changed, asked)
    except (RdlakeError, OSError) as error:
        assert isinstance(error, RdlakeError), error
        assert listing(world.workspaces) == whole and not in_trash(world.workspaces)
        return False
    holds(world, whole, asked.allowed)
    for each in later:
        change(world, each)
    whole = whole | listing(world.workspaces)
    trashed = len(in_trash(world.workspaces))
    try:
        purge(world.lake, world.to, asked.workspaces, at_once=True)
    except RdlakeError:
        assert len(in_trash(world.workspaces)) == trashed
    holds(world, {key: each for key, each in whole.items() if key in listing(world.workspaces)
                  or not _was_deleted_by_hand(key, later)}, asked.allowed)  # fmt: skip
    return len(in_trash(world.workspaces)) < trashed


def _was_deleted_by_hand(path: str, changes: list[Change]) -> bool:
    return any(path.startswith(name) for kind, name, _ in changes if kind not in ("pin", "rot"))


def many(template: Cleaned, folder: Path, examples: int) -> int:
    deleted = 0

    @settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck),
        database=None, derandomize=examples == FEW,
    )  # fmt: skip
    @given(
        STAGES_ASKED,
        st.lists(CHANGES, max_size=2),
        st.lists(EDITS, max_size=2),
        st.lists(CHANGES, max_size=1),
        st.lists(CHANGES, max_size=2),
    )
    def run(
        stages: set[str],
        before: list[Change],
        edits: list[tuple[str, Any]],
        after: list[Change],
        later: list[Change],
    ) -> None:
        nonlocal deleted
        deleted += check(template, folder, stages, before, edits, after, later)

    run()
    return deleted


FEW = 8
"""So few examples are the same each time, for not all have something to delete."""
QUARTERS = [
    pytest.param(250, id=f"quarter {number} of 1,000", marks=mark)
    for number, mark in enumerate([pytest.mark.guards, *[pytest.mark.slow] * 3])
]


@pytest.mark.guards
@pytest.mark.parametrize("examples", [FEW, *QUARTERS])
def test_no_unproven_deletion_ever(template: Cleaned, tmp_path: Path, examples: int) -> None:
    deleted = many(template, tmp_path / "world", examples)
    assert deleted >= max(1, examples // 25), "too few of the worlds had anything to delete"
