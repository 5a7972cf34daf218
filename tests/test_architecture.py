"""The architecture as a rule: imports point one way, one door per dependency."""

from __future__ import annotations

import ast
from pathlib import Path

import rdlake

PACKAGE = Path(rdlake.__file__).parent

LAYERS = [
    {
        "errors",
        "quoting",
        "datafiles",
        "alphas",
        "charts",
        "contracts",
        "formulas",
        "panel",
        "recording",
        "settings",
        "sample",
    },
    {"tables", "deltalog", "identity"},
    {"experiment", "rows", "storage"},
    {"run", "registered"},
    {"evidence", "sources", "demo"},
    {"extract", "statistics"},
    {"delta", "rowfiles"},
    {"copies", "opened"},
    {"lake", "oldlog"},
    {"opening", "blobs", "naming"},
    {
        "batches",
        "borrowed",
        "cached",
        "drawing",
        "inventory",
        "keeping",
        "known",
        "measuring",
        "outcome",
        "pairs",
        "selection",
    },
    {"derive"},
    {"external", "folders", "history", "registries", "runs"},
    {"ingest", "catalog"},
    {"archive", "groups", "ingested", "libs", "loop_end", "pins", "plotting", "report"},
    {"cleanup"},
    {"upkeep", "doctor", "library"},
    {"cli"},
]
"""A module imports from its own package and from layers that stand before its own."""

DOORS = {
    "deltalake": {"delta.py", "lake.py", "opened.py", "storage.py"},
    "duckdb": {"catalog", "library.py", "cli/query.py"},
    "matplotlib": {"charts"},
    "PIL": {"charts"},
    "h5py": {"demo", "sources/hdf5.py"},
    "click": {"cli"},
    "rich": {"cli"},
    "cryptography": {"cleanup/receipt.py"},
    "pydantic": {"catalog/json_export.py", "cleanup/plan.py", "contracts", "settings.py"},
    "pydantic_settings": {"settings.py"},
    "pandas": {"libs/carried"},
    "pickle": set(),
    "sqlite3": {"demo", "sources/registry/opened.py"},
    "yaml": {"sources/yaml_text.py"},
}


def sources() -> list[Path]:
    sample = PACKAGE / "sample" / "RD-Agent_workspace"
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


def test_every_module_has_a_layer() -> None:
    known = set().union(*LAYERS) | {"__init__"}
    assert {part(path) for path in sources()} <= known


def test_imports_point_one_way() -> None:
    height = {name: level for level, layer in enumerate(LAYERS) for name in layer}
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in sources()
        if part(path) != "__init__"
        for name in imported(path)
        if name.startswith("rdlake.")
        and part(path) != (other := name.split(".")[1])
        and height[other] >= height[part(path)]
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
