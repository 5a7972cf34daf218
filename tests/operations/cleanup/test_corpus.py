"""Real experiments: archived and cleaned up, and nobody who reads the catalog notices."""

from __future__ import annotations

import contextlib
import shutil
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

import rdlake
from rdlake.library import Library
from rdlake.operations.archive import archive, archiving_levels, restore
from rdlake.operations.cleanup import CleanupRequest
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.lake_rows import versions
from tests.operations.archive.world import files_of
from tests.operations.cleanup.test_workspaces import rows_but_states
from tests.operations.cleanup.world import Cleaned, age, in_trash, listing
from tests.places import CORPUS, KEY, TRACES, needs_shared

BELOW = Path("git_ignore_folder") / "RD-Agent_workspace"
OF_VERSIONS = {"catalog_versions", "catalog_info"}
"""These tell of publications, of which there is one more."""
pytestmark = [needs_shared, pytest.mark.slow]


def views(lake: Lake) -> dict[str, list[str]]:
    """Every row of every published view, but for what tells of publications; and the state of an
    artifact, the one thing that may differ."""
    with contextlib.closing(rdlake.connect(lake.root)) as connection:
        found = {}
        listed = connection.execute(
            "SELECT view_name FROM duckdb_views() WHERE schema_name = 'main' AND NOT internal"
        ).fetchall()
        for (name,) in listed:
            if name not in OF_VERSIONS:
                columns = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
                shown = ", ".join(
                    f'"{each}"' for each in columns if (name, each) != ("artifact_list", "state")
                )
                rows = connection.execute(f"SELECT {shown} FROM {name}").fetchall()
                found[name] = sorted(repr(_told(row)) for row in rows)
        assert len(found) > 15
        return found


def _told(value: object) -> object:
    """A figure that a view computes varies in its last digit with the order of its threads."""
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list | tuple):
        return [_told(each) for each in value]
    if isinstance(value, dict):
        return {key: _told(each) for key, each in value.items()}
    return value


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Cleaned:
    """A copy of the whole corpus and of all traces, ingested and archived with every file."""
    folder = tmp_path_factory.mktemp("corpus")
    runs = [path for path in sorted(TRACES.iterdir()) if (path / BELOW).is_dir()]
    workspaces, logs = [folder / "corpus"], []
    shutil.copytree(CORPUS / BELOW, workspaces[0], symlinks=True)
    for path in runs:
        workspaces.append(folder / path.name / "workspaces")
        logs.append(folder / path.name / "log")
        shutil.copytree(path / BELOW, workspaces[-1], symlinks=True)
        shutil.copytree(path / "log", logs[-1], symlinks=True)
    lake = init_store(folder / "lake")
    key = KEY.read_bytes()
    Library(lake).ingest(*workspaces, logs=logs, signing_key=key, keep="all")
    archive(lake, folder / "archive")
    age(*workspaces, *logs)
    given = CleanupRequest(workspaces=tuple(workspaces), logs=tuple(logs), signing_key=key)
    return Cleaned(folder, given)


def test_nobody_notices_that_the_folders_are_gone(corpus: Cleaned, tmp_path: Path) -> None:
    lake = corpus.lake
    assert set(archiving_levels(lake).values()) == {2}
    Library(lake).publish()
    before, rows = views(lake), rows_but_states(lake)
    originals = {name: listing(root) for name, root in enumerate(corpus.roots)}
    bytes_before = sum(len(each) for found in originals.values() for each in found.values()
                       if isinstance(each, bytes))  # fmt: skip
    plan = corpus.plan("workspace", "junk", "logs")
    stays = {each.folder: each.reasons for each in plan.items if not each.may_go}
    print(f"{len(plan.going)} of {len(plan.items)} go, {plan.bytes:,} of {bytes_before:,}: {stays}")
    assert len(plan.going) > 70 and plan.bytes > 0.9 * bytes_before
    report = corpus.apply(plan)
    assert not report.refused
    assert not corpus.purge().refused
    for root in corpus.roots:
        assert not in_trash(root)
    assert {
        path.partition("/")[0] for root in corpus.roots for path in listing(root)
    } <= stays.keys()

    lake = corpus.lake
    Library(lake).publish()
    assert views(lake) == before and rows_but_states(lake) == rows | {
        "catalogs": rows_but_states(lake)["catalogs"]
    }
    tables = versions(lake)
    again = Library(lake).ingest(*corpus.given.workspaces, logs=corpus.given.logs,
                        signing_key=corpus.given.signing_key, keep="all")  # fmt: skip
    assert not again.partial and versions(lake) == tables

    moved = tmp_path / "moved"
    shutil.copytree(corpus.to, moved)
    there = open_store(moved)
    shutil.move(corpus.to, tmp_path / "away")
    shutil.move(corpus.folder / "lake", tmp_path / "lake-away")
    given = 0
    for found in originals.values():
        for name in sorted({path.partition("/")[0] for path in found}):
            if name not in set(there.read("artifacts")["workspace_id"]):
                continue
            back = tmp_path / "back" / name
            back.parent.mkdir(exist_ok=True)
            if not back.exists():
                restore(there, name, back)
            files = {f"{name}/{path}": content for path, content in files_of(back).items()}
            original = {path: content for path, content in found.items()
                        if path.startswith(f"{name}/") and isinstance(content, bytes)}  # fmt: skip
            assert files == original
            given += len(files)
            digests = dict(there.read("artifacts", ["path", "sha256"],
                                      pl.col("workspace_id") == name).rows())  # fmt: skip
            for path, content in files.items():
                assert digests[path.partition("/")[2]] == sha256(content).hexdigest()
    assert given > 1200
    served = views(there)
    assert {name for name in before if served[name] != before[name]} == set()
