"""Check what the reader may import, and what it may not even name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import rdlake
import rdlake.sources.pickles

PACKAGE = Path(rdlake.__file__).parent
READER = PACKAGE / "sources" / "pickles"
EXECUTORS = {
    "pickle", "_pickle", "cPickle", "pickletools", "copyreg", "shelve", "marshal", "dill",
    "cloudpickle", "joblib", "pandas", "torch", "importlib", "runpy", "code", "ctypes",
}  # fmt: skip
ALLOWED = {
    "__future__", "codecs", "collections", "dataclasses", "datetime", "hashlib", "hmac", "io",
    "itertools", "math", "numpy", "pathlib", "polars", "rdlake", "re", "struct", "time", "typing",
    "zlib", "zoneinfo",
}  # fmt: skip
NEVER_CALLED = {"eval", "exec", "compile", "__import__", "setattr", "delattr", "globals", "vars"}


def trees(folder: Path) -> dict[str, ast.Module]:
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.py"))
        if "sample" not in path.relative_to(PACKAGE).parts
    }


def imports(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_no_module_of_rdlake_imports_pickle() -> None:
    users = {name for name, tree in trees(PACKAGE).items() if "pickle" in imports(tree)}
    assert users == set()


def test_the_reader_imports_nothing_that_runs_what_it_reads() -> None:
    for name, tree in trees(READER).items():
        assert imports(tree) <= ALLOWED, name
        assert not imports(tree) & EXECUTORS, name


def test_the_reader_calls_nothing_by_a_name_it_was_given() -> None:
    for name, tree in trees(READER).items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in NEVER_CALLED, name
                if node.func.id == "getattr":
                    assert isinstance(node.args[1], ast.Constant), name


@pytest.mark.parametrize("path", sorted(READER.glob("*.py")), ids=lambda path: path.stem)
def test_modules_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 300


def test_the_public_surface() -> None:
    names = rdlake.sources.pickles.__all__
    assert names == sorted(names)
    assert all(hasattr(rdlake.sources.pickles, name) for name in names)
