"""The architecture as a rule: imports point one way, one door per dependency."""

from __future__ import annotations

import ast
from pathlib import Path

import rdlake

PACKAGE = Path(rdlake.__file__).parent

LAYERS = [
    "errors",
    "settings",
    "about",
    "domain",
    "schema",
    "sources",
    "factors",
    "evidence",
    "store",
    "ingest",
    "catalog",
    "exports",
    "operations",
    "library",
    "demo",
    "cli",
]
"""A module imports from its own room and from rooms that stand before it."""

ROOT_MODULES = {"__init__", "__main__", "about", "errors", "library", "settings"}

FOUNDATIONS = {
    "sources": {"errors", "domain"},
    "factors": {"errors", "domain", "schema"},
    "store": {"errors", "schema"},
}
"""The rooms that everything rests on, with the only rooms that they may know."""

DOORS = {
    "deltalake": {"store"},
    "duckdb": {"catalog", "exports", "library.py", "cli/query.py"},
    "matplotlib": {"exports/charts"},
    "PIL": {"exports/charts"},
    "h5py": {"demo", "sources/formats/hdf5.py"},
    "click": {"cli"},
    "rich": {"cli"},
    "cryptography": {"operations/cleanup/receipt.py"},
    "pydantic": {
        "catalog/contract/settings.py",
        "exports",
        "operations/cleanup/plan.py",
        "settings.py",
    },
    "pydantic_settings": {"settings.py"},
    "pandas": {"exports/libraries/runtime"},
    "pickle": set(),
    "sqlite3": {"demo", "sources/registry/sqlite_rows.py"},
    "yaml": {"sources/formats/yaml_text.py"},
}


def sources() -> list[Path]:
    sample = PACKAGE / "demo" / "sample" / "RD-Agent_workspace"
    return [path for path in sorted(PACKAGE.rglob("*.py")) if sample not in path.parents]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms_imported(path: Path) -> set[str]:
    """The rooms and root modules that a module imports, its own excepted."""
    names = {name.split(".")[1] for name in imported(path) if name.startswith("rdlake.")}
    return names - {part(path)}


def test_the_rooms_are_the_layers() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert rooms == {name for name in LAYERS if not (PACKAGE / f"{name}.py").is_file()}


def test_no_other_module_lies_at_the_root() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == ROOT_MODULES


def test_imports_point_one_way() -> None:
    height = {name: level for level, name in enumerate(LAYERS)}
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in sources()
        if path.parent != PACKAGE or path.stem in height
        for name in rooms_imported(path)
        if height[name] >= height[part(path)]
    ]
    assert not wrong


def test_sources_factors_and_the_store_know_only_their_foundations() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for room, known in FOUNDATIONS.items()
        for path in (PACKAGE / room).rglob("*.py")
        for name in rooms_imported(path) - known
    ]
    assert not wrong


def test_each_dependency_has_one_door() -> None:
    for dependency, doors in DOORS.items():
        users = {
            str(path.relative_to(PACKAGE).as_posix())
            for path in sources()
            if any(name.split(".")[0] == dependency for name in imported(path))
        }
        strangers = {user for user in users if not any(user.startswith(door) for door in doors)}
        assert not strangers, f"{dependency} is used by {strangers}"


def test_no_file_holds_two_ideas() -> None:
    long = [
        str(path) for path in sources() if len(path.read_text(encoding="utf-8").splitlines()) > 400
    ]
    assert not long


def test_the_public_surface() -> None:
    assert set(rdlake.__all__) == {
        "Library",
        "RdlakeError",
        "__version__",
        "connect",
        "init_lake",
        "open_lake",
        "write_loop_artifacts",
    }
    assert all(hasattr(rdlake, name) for name in rdlake.__all__)
