"""Test what RD-Agent begins its next run with: expressions of Qlib, and code that runs alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rdlake.domain.qlib_alphas import LIBRARIES
from rdlake.errors import BadInput
from rdlake.exports.libraries import export_base_features
from rdlake.factors.formulas.qlib import is_qlib_expression
from rdlake.library import Library
from rdlake.sources.formats.hdf5 import read_factor_values
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.builders import make_workspace
from tests.builders_traces import workspace_id
from tests.exports.libraries.builders import code_of, pandas_prices, taken, write_factors
from tests.exports.libraries.test_sync import state
from tests.places import CORPUS, needs_shared

OWN = workspace_id("own", 0)
RDAGENT = "source = 'rdagent_generated'"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Provide Alpha158 and 360, and an experiment of two factors with code and one without."""
    root = tmp_path_factory.mktemp("base_features")
    make_workspace(root / "workspaces", OWN, factors=("M", "动量 一", "lost"))
    write_factors(root / "log", {"M": code_of("M"), "动量 一": code_of("动量 一", 2)})
    opened = taken(init_store(root / "lake"), root / "log")
    Library(opened).ingest(root / "workspaces", charts=False)
    Library(opened).alphas()
    Library(opened).publish()
    return opened


@pytest.fixture
def published(template: Lake, tmp_path: Path) -> Lake:
    """Return a copy of the lake, for the test to change."""
    shutil.copytree(template.root.parent, tmp_path, dirs_exist_ok=True)
    return open_store(tmp_path / "lake")


def run_alone(file: Path, prices: Path, folder: Path) -> str:
    """Run a file of code where only the prices are; the column that it writes."""
    folder.mkdir()
    shutil.copy(file, folder / "factor.py")
    (folder / "daily_pv.h5").symlink_to(prices)
    subprocess.run([sys.executable, "factor.py"], cwd=folder, check=True, timeout=120)
    values, found = read_factor_values(folder / "result.h5", "result.h5")
    assert values is not None, found
    assert values.rows["value"].drop_nans().len() > 0
    return values.column


@pytest.mark.slow
def test_the_folder_has_what_rdagent_takes(published: Lake, tmp_path: Path) -> None:
    pytest.importorskip("tables")
    root = tmp_path / "base"
    done = export_base_features(published, root, where=f"{RDAGENT} OR name IN ('KMID', 'KLEN')")
    told = json.loads((root / "base_factors.json").read_text(encoding="utf-8"))
    assert told == {name: LIBRARIES["qlib_alpha158"][name] for name in ("KLEN", "KMID")}
    assert done.expressions == ("KLEN", "KMID") and set(done.files) == {"M", "动量 一"}
    assert [(left.name, "does not keep its code" in left.reason) for left in done.left] == [
        ("lost", True)
    ]
    prices = pandas_prices(tmp_path / "daily_pv.h5")
    assert {path.name for path in root.glob("*.py")} == set(done.files.values())
    for name, file in done.files.items():
        assert Path(file).stem.isidentifier()
        assert run_alone(root / file, prices, tmp_path / Path(file).stem) == name
    assert (root / done.files["M"]).read_bytes() == code_of("M").encode()


@pytest.mark.slow
def test_again_changes_no_byte_and_another_choice_takes_its_place(
    published: Lake, tmp_path: Path
) -> None:
    root = tmp_path / "base"
    export_base_features(published, root, names=["M", "KLEN"])
    (root / "notes.txt").write_text("mine")
    before = state(root)
    assert export_base_features(published, root, names=["M", "KLEN"]).changed == ()
    assert state(root) == before
    export_base_features(published, root, names=["M"])
    assert {path.name for path in root.iterdir()} == {"M.py", "notes.txt", ".rdlake.json"}


def test_no_file_of_others_is_overwritten(published: Lake, tmp_path: Path) -> None:
    root = tmp_path / "base"
    root.mkdir()
    (root / "M.py").write_text("mine")
    before = state(root)
    with pytest.raises(BadInput, match="not as rdlake wrote it"):
        export_base_features(published, root, names=["M", "KLEN"])
    assert state(root) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "where",
    [
        "true; DROP TABLE factor_catalog",
        "1 = 1) UNION SELECT 'a', 'b', 'c' WHERE (true",
        "true, false",
        "name IN (SELECT content FROM read_text('/etc/hostname'))",
        "name IN (SELECT a FROM 'x.csv')",
        "getenv('HOME') = 'x' AND nothing",
        "EXISTS (FROM rdlake_tables.blobs)",
        "",
    ],
)
def test_a_condition_is_one_expression_that_reaches_nothing(
    published: Lake, tmp_path: Path, where: str
) -> None:
    with pytest.raises(BadInput):
        export_base_features(published, tmp_path / "base", where=where)
    assert not (tmp_path / "base").exists()


def test_what_is_not_there_is_said(published: Lake, tmp_path: Path) -> None:
    for given in ({"names": ["nobody"]}, {"where": "name = 'nobody'"}, {}):
        with pytest.raises(BadInput):
            export_base_features(published, tmp_path / "base", **given)


@pytest.mark.slow
def test_code_that_reaches_out_stays_unless_allowed(lake: Lake, tmp_path: Path) -> None:
    make_workspace(tmp_path / "workspaces", OWN, factors=("BAD",))
    write_factors(tmp_path / "log", {"BAD": "import socket\n"})
    opened = taken(lake, tmp_path / "log")
    Library(opened).ingest(tmp_path / "workspaces", charts=False)
    Library(opened).publish()
    root = tmp_path / "base"
    done = export_base_features(opened, root, names=["BAD"])
    assert not done.files and "import socket" in done.left[0].reason
    assert export_base_features(opened, root, names=["BAD"], allow_unsafe=True).files


def test_every_expression_of_qlibs_libraries_is_one() -> None:
    for library in LIBRARIES.values():
        assert [name for name, text in library.items() if not is_qlib_expression(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        r"\frac{C_t}{C_{t-1}}",
        "close / open",
        "1 + 1",
        "$close.__class__",
        "$close + __import__('os').system('id')",
        "unknown($close)",
        "Ref($close, d=1)",
        "[$close]",
        "(lambda: $close)()",
        "Ref",
        "$close if 1 else 2",
        "$close + _field",
        "$close; $open",
        "(" * 5_000 + "$close",
    ],
)
def test_what_qlib_would_run_as_something_else_is_none(text: str | None) -> None:
    assert not is_qlib_expression(text)


@pytest.mark.slow
@needs_shared
def test_every_factor_file_of_the_corpus_runs_alone(tmp_path: Path) -> None:
    pytest.importorskip("tables")
    opened = init_store(tmp_path / "lake")
    Library(opened).ingest(
        CORPUS / "git_ignore_folder" / "RD-Agent_workspace",
        registries=[CORPUS / "RDagentDB" / "registry.sqlite"],
        maps=[f"/mnt/f/Dev/RD-Agent-main={CORPUS}"],
        charts=False,
    )
    Library(opened).publish()
    done = export_base_features(opened, tmp_path / "base", where=RDAGENT)
    assert len(done.files) == 7 and not done.left and not done.expressions
    prices = CORPUS / "git_ignore_folder/factor_implementation_source_data/daily_pv.h5"
    for name, file in done.files.items():
        assert run_alone(tmp_path / "base" / file, prices, tmp_path / Path(file).stem) == name
