"""The architecture as a rule: imports point one way, one door per dependency."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
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


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in nodes(path):
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


def classes() -> Iterator[tuple[Path, ast.ClassDef]]:
    for path in sources():
        for node in nodes(path):
            if isinstance(node, ast.ClassDef):
                yield path, node


def test_no_function_holds_two_ideas() -> None:
    long = [
        f"{path.name}: {node.name}"
        for path in sources()
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert not long


def test_no_two_public_classes_share_a_name() -> None:
    names = Counter(node.name for _, node in classes() if not node.name.startswith("_"))
    assert not [name for name, times in names.items() if times > 1]


def test_values_of_five_and_more_fields_are_made_with_keywords() -> None:
    wrong = [
        f"{path.name}: {node.name}"
        for path, node in classes()
        for decorator in map(ast.unparse, node.decorator_list)
        if decorator.startswith("dataclass") and "kw_only=True" not in decorator
        if sum(isinstance(each, ast.AnnAssign) for each in node.body) >= 5
    ]
    assert not wrong


def test_only_packages_list_what_they_offer() -> None:
    assert not [
        path
        for path in sources()
        if path.name != "__init__.py" and "__all__ = " in path.read_text(encoding="utf-8")
    ]


NO_VERBS = {
    *("A", "An", "As", "At", "By", "Each", "Every", "From", "How", "In", "It", "No", "Of", "On"),
    *("One", "Rows", "So", "The", "Their", "These", "This", "True", "What", "When", "Where"),
    *("Whether", "Which", "Who", "Whose"),
}


def test_every_docstring_begins_with_a_verb() -> None:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    wrong = [
        f"{path.name}: {text.splitlines()[0]}"
        for path in sources()
        for node in nodes(path)
        if isinstance(node, kinds) and (text := ast.get_docstring(node))
        if not re.match(r"[A-Z][a-z]+ ", text) or text.split()[0] in NO_VERBS
    ]
    assert not wrong


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
