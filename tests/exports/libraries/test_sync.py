"""Test `libs sync`: code is copied byte for byte, nothing is written twice, foreign files stay."""

from __future__ import annotations

import ast
import json
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

from rdlake.errors import BadInput
from rdlake.exports.libraries import sync
from rdlake.library import Library
from rdlake.store.lake import Lake
from tests.exports.libraries.builders import code_of, taken, write_factors
from tests.lake_rows import versions

SOCKET = "import socket\nsocket.create_connection(('127.0.0.1', 9))\n"


def state(root: Path) -> dict[str, tuple[int, bytes]]:
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    return {
        str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes()) for path in files
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "rd-factors-lib").mkdir()
    return tmp_path / "rd-factors-lib"


@pytest.fixture
def accepted(lake: Lake, tmp_path: Path) -> Lake:
    """Provide two factors that a loop accepted; the name of one is a keyword of Python."""
    write_factors(tmp_path / "log", {"动量_1日": code_of("动量_1日"), "class": code_of("class", 2)})
    return taken(lake, tmp_path / "log")


def test_each_code_is_there_to_the_byte_and_its_module_is_python(
    accepted: Lake, root: Path
) -> None:
    done, other = sync(accepted, root, None)
    assert (done.status, done.version, done.entries, done.left) == ("written", 1, 2, ())
    assert (other.status, other.skipped) == ("skipped", "no folder is given")
    package = root / "rd_factors_lib"
    originals = {path.stem: path.read_bytes() for path in (package / "originals").iterdir()}
    assert originals == {
        sha256(code.encode()).hexdigest(): code.encode()
        for code in (code_of("动量_1日"), code_of("class", 2))
    }
    for path in package.glob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"))
    names = {path.name for path in package.glob("*.py")}
    assert any(name.startswith("动量_1日_") for name in names)
    hashed = sha256(b"class").hexdigest()[:8]
    assert any(name.startswith(f"f_{hashed}_") for name in names)
    assert (root / "VERSION").read_text() == "1\n"


def test_a_second_sync_writes_no_byte_and_no_row(accepted: Lake, root: Path) -> None:
    sync(accepted, root, None)
    before, tables = state(root), versions(accepted)
    done, _ = sync(accepted, root, None)
    assert (done.status, done.changed) == ("unchanged", ())
    assert state(root) == before and versions(accepted) == tables


def test_a_changed_factor_bumps_the_version_once(
    accepted: Lake, root: Path, tmp_path: Path
) -> None:
    sync(accepted, root, None)
    write_factors(tmp_path / "log", {"动量_1日": code_of("动量_1日", 7)}, number=1)
    taken(accepted, tmp_path / "log")
    assert [sync(accepted, root, None)[0].version for _ in range(3)] == [2, 2, 2]
    names: dict[str, object] = {}
    exec((root / "rd_factors_lib/registry.py").read_text(encoding="utf-8"), names)  # noqa: S102
    factors = names["FACTORS"]
    assert isinstance(factors, dict)
    changed = factors["动量_1日"]
    assert changed["version"] == "2" and len(changed["older"]) == 1
    assert changed["code_sha256"] == sha256(code_of("动量_1日", 7).encode()).hexdigest()
    assert factors["class"]["version"] == "1"


def test_the_same_code_in_a_later_loop_is_no_change(
    accepted: Lake, root: Path, tmp_path: Path
) -> None:
    sync(accepted, root, None)
    write_factors(tmp_path / "log", {"动量_1日": code_of("动量_1日")}, number=1)
    taken(accepted, tmp_path / "log")
    done, _ = sync(accepted, root, None)
    assert (done.status, done.version, done.changed) == ("unchanged", 1, ())


def test_what_was_not_accepted_is_not_written(lake: Lake, root: Path, tmp_path: Path) -> None:
    write_factors(tmp_path / "log", {"MOM_1": code_of("MOM_1")}, decision=False)
    done, _ = sync(taken(lake, tmp_path / "log"), root, None)
    assert done.entries == 0 and not (root / "rd_factors_lib/originals").exists()


def test_code_that_reaches_out_is_written_only_when_allowed(
    lake: Lake, root: Path, tmp_path: Path
) -> None:
    write_factors(tmp_path / "log", {"BAD": SOCKET, "GOOD": code_of("GOOD")})
    opened = taken(lake, tmp_path / "log")
    done, _ = sync(opened, root, None)
    assert done.entries == 1
    assert [left.name for left in done.left] == ["BAD"]
    assert "line 1: import socket (network)" in done.left[0].reason
    allowed, _ = sync(opened, root, None, allow_unsafe=True)
    assert (allowed.entries, allowed.version, allowed.left) == (2, 2, ())
    later, _ = sync(opened, root, None)
    assert (later.status, later.entries) == ("unchanged", 2)


def test_the_catalog_tells_where_the_code_is_whatever_is_ingested_after(
    accepted: Lake, root: Path, tmp_path: Path
) -> None:
    sync(accepted, root, None)
    Library(accepted).ingest(logs=[tmp_path / "log"], charts=False, overwrite=True)
    rows = accepted.read("implementations").sort("factor_name").to_dicts()
    assert [row["factor_name"] for row in rows] == ["class", "动量_1日"]
    row = rows[1]
    assert row["impl_module"].startswith("rd_factors_lib.动量_1日_")
    assert (row["impl_func"], row["impl_version"]) == ("factor_动量_1日", "1")
    info = {"type": "function", "standard_wrapper": "factor_动量_1日"}
    assert json.loads(row["interface_info"]) == info and row["latest"]


def test_foreign_and_changed_files_are_refused_and_stay(accepted: Lake, root: Path) -> None:
    foreign = root / "rd_factors_lib" / "registry.py"
    foreign.parent.mkdir()
    foreign.write_text("mine = 1\n")
    before = state(root)
    with pytest.raises(BadInput, match="not as rdlake wrote it"):
        sync(accepted, root, None)
    assert state(root) == before
    foreign.unlink()
    (foreign.parent / "mine.py").write_text("mine = 2\n")
    sync(accepted, root, None)
    assert (foreign.parent / "mine.py").read_text() == "mine = 2\n"


def test_a_package_that_is_there_keeps_its_beginning(accepted: Lake, root: Path) -> None:
    mine = root / "rd_factors_lib" / "__init__.py"
    mine.parent.mkdir()
    mine.write_text("mine = 1\n")
    assert [sync(accepted, root, None)[0].status for _ in range(2)] == ["written", "unchanged"]
    assert mine.read_text() == "mine = 1\n" and (mine.parent / "registry.py").is_file()


def test_a_link_is_not_written_through(accepted: Lake, root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "rd_factors_lib").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput):
        sync(accepted, root, None)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "[]", '{"files": {"../x": "a"}}', '{"files": {"a": 1}}'])
def test_a_list_of_files_that_is_not_ours_is_refused(accepted: Lake, root: Path, text: str) -> None:
    (root / ".rdlake.json").write_text(text)
    with pytest.raises(BadInput, match="cannot be read"):
        sync(accepted, root, None)


def test_a_dry_run_writes_nothing(accepted: Lake, root: Path) -> None:
    tables = versions(accepted)
    done, _ = sync(accepted, root, None, dry_run=True)
    assert done.status == "dry run" and len(done.changed) > 5
    assert state(root) == {} and versions(accepted) == tables


def test_an_absent_folder_is_skipped_with_a_word(accepted: Lake, tmp_path: Path) -> None:
    done, _ = sync(accepted, tmp_path / "none", None)
    assert (done.status, done.skipped) == ("skipped", "there is no such folder")


def test_strategies_are_literals_that_say_what_ran(lake: Lake, root: Path, tmp_path: Path) -> None:
    conf = {"class": "X", "kwargs": {"a": [1, 2.5, None, True, "'''\"\\n"]}, "中": "文"}
    row = {"strategy_id": "626da207-1451", "belongs_to": "626da207-1451", "source": "rdagent"}
    texts = {"model_config": json.dumps(conf, ensure_ascii=False), "base_features": ["KLEN"]}
    broken = {"strategy_id": "b", "belongs_to": "b", "model_config": '{"a": NaN}'}
    frame = pl.DataFrame([{**row, **texts}, broken], infer_schema_length=None)
    lake.commit({"strategies": frame}, {"belongs_to": ["626da207-1451", "b"]})
    _, done = sync(lake, None, root)
    assert (done.entries, done.version) == (1, 1)
    assert [left.name for left in done.left] == ["b"] and "NaN" in done.left[0].reason
    text = (root / "rd_strategies_lib/strategy_626da207_1451.py").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    exec(text, names)  # noqa: S102
    config = names["CONFIG"]
    assert isinstance(config, dict) and config["model_config"] == conf
    before = state(root)
    assert sync(lake, None, root)[1].status == "unchanged" and state(root) == before
