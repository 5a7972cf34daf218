"""Write the shared library of factors: a module per implementation, with the original code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib import resources
from typing import Any

from rdlake.exports.libraries.generated_folder import GeneratedFolder, unreadable_list
from rdlake.exports.libraries.implementations import Implementation
from rdlake.exports.libraries.names import python_name
from rdlake.exports.libraries.packages import NOTICE, literal_text, number_version, package_init
from rdlake.exports.libraries.scan import scan_code

PACKAGE = "rd_factors_lib"
RUNTIME_FILES = ("child.py", "closed.py", "runner.py")


@dataclass(frozen=True, kw_only=True)
class FactorEntry:
    """Describe one implementation in the library, as its list of files stores it.

    `version` is the library's when the entry came in, `reaches` what the scan reports. `seen`
    orders the implementations of a name; the largest is the latest.
    """

    module: str
    func: str
    source: str
    name: str
    column: str
    code_sha256: str
    version: int
    reaches: tuple[str, ...]
    workspace_id: str
    sub_workspace_id: str | None
    seen: str


def read_entries(before: GeneratedFolder) -> dict[str, FactorEntry]:
    """Return the entries that were written before, by module."""
    rows: Any = before.notes.get("implementations", {})
    try:
        entries = [
            FactorEntry(**{**row, "reaches": tuple(row["reaches"])}) for row in rows.values()
        ]
        named = all(each.module.isidentifier() and each.func.isidentifier() for each in entries)
    except (TypeError, KeyError, AttributeError):
        named = False
    if not named:
        raise unreadable_list(before.root)
    return {each.module: each for each in entries}


def merge_implementations(
    entries: Mapping[str, FactorEntry], found: Iterable[Implementation]
) -> dict[str, FactorEntry]:
    """Return these entries and those of new implementations. A new entry has version 0."""
    merged = dict(entries)
    for each in found:
        entry = _entry(each)
        known = merged.get(entry.module)
        merged[entry.module] = replace(
            entry if known is None or known.seen <= entry.seen else known,
            version=known.version if known else 0,
        )
    return merged


def library_files(
    before: GeneratedFolder, entries: Mapping[str, FactorEntry], codes: Mapping[str, bytes]
) -> tuple[int, Mapping[str, bytes], dict[str, FactorEntry]]:
    """Return the library's version, its files, and its entries with the version each came in.

    `codes` has the code of the new entries.
    """

    def files_of(version: int) -> dict[str, bytes]:
        of_version = _numbered(entries, version)
        files = {"VERSION": f"{version}\n".encode()}
        files |= package_init(before, PACKAGE, "Factors that RD-Agent accepted.")
        for name in RUNTIME_FILES:
            module = resources.files("rdlake.exports.libraries.runtime") / name
            files[f"{PACKAGE}/{name}"] = module.read_bytes()
        files[f"{PACKAGE}/registry.py"] = _registry(of_version, version).encode()
        for each in of_version.values():
            files[f"{PACKAGE}/{each.module}.py"] = _module(each).encode()
            if each.code_sha256 in codes:
                files[code_path(each)] = codes[each.code_sha256]
        return files

    version, files = number_version(before, files_of)
    return version, files, _numbered(entries, version)


def latest_entries(entries: Iterable[FactorEntry]) -> dict[str, FactorEntry]:
    """Return the latest implementation of each name."""
    latest: dict[str, FactorEntry] = {}
    for each in sorted(entries, key=lambda entry: (entry.seen, entry.module)):
        latest[each.name] = each
    return latest


def notes_of(entries: Mapping[str, FactorEntry], version: int) -> dict[str, object]:
    """Return the notes that the list of files keeps for the next sync."""
    rows = {module: asdict(each) for module, each in entries.items()}
    return {"version": version, "implementations": rows}


def _numbered(entries: Mapping[str, FactorEntry], version: int) -> dict[str, FactorEntry]:
    return {
        module: each if each.version else replace(each, version=version)
        for module, each in entries.items()
    }


def _entry(found: Implementation) -> FactorEntry:
    called = python_name(found.name)
    created = found.created_at.isoformat(sep=" ") if found.created_at else ""
    return FactorEntry(
        module=f"{called}_{found.code_sha256[:8]}",
        func=f"factor_{called}",
        source=found.source,
        name=found.name,
        column=found.column,
        code_sha256=found.code_sha256,
        version=0,
        reaches=tuple(map(str, scan_code(found.code))),
        workspace_id=found.workspace_id,
        sub_workspace_id=found.sub_workspace_id,
        seen=f"{created} {found.workspace_id}",
    )


def code_path(entry: FactorEntry) -> str:
    """Return the path of the original code, byte for byte."""
    return f"{PACKAGE}/originals/{entry.code_sha256}.py"


def _registry(entries: Mapping[str, FactorEntry], version: int) -> str:
    older: dict[str, list[str]] = {}
    latest = latest_entries(entries.values())
    for module, each in sorted(entries.items()):
        if latest[each.name].module != module:
            older.setdefault(each.name, []).append(module)
    factors = {
        name: {
            "module": f"{PACKAGE}.{each.module}",
            "func": each.func,
            "version": str(each.version),
            "code_sha256": each.code_sha256,
            "reaches": list(each.reaches),
            "older": older.get(name, []),
        }
        for name, each in latest.items()
    }
    return REGISTRY.format(made=NOTICE, version=version, factors=literal_text(factors))


def _module(entry: FactorEntry) -> str:
    return MODULE.format(
        made=NOTICE,
        package=PACKAGE,
        func=entry.func,
        name=entry.name,
        code=entry.code_sha256,
        version=str(entry.version),
    )


REGISTRY = '''"""Every factor of this library, by name. {made}"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

VERSION = {version}

FACTORS: dict[str, dict[str, Any]] = {factors}


def factor(name: str) -> Callable[..., Any]:
    """The function of that factor: prices in, values out. KeyError when there is none."""
    entry = FACTORS[name]
    return getattr(import_module(entry["module"]), entry["func"])
'''

MODULE = '''"""One factor. {made}"""

from __future__ import annotations

from pathlib import Path

from {package}.runner import LIMITS, RunLimits, factor_values

NAME = {name!r}
VERSION = {version!r}
CODE_SHA256 = {code!r}
CODE = Path(__file__).parent / "originals" / f"{{CODE_SHA256}}.py"


def {func}(df, limits: RunLimits = LIMITS):
    """The factor's values by (datetime, instrument), from prices as in daily_pv.h5."""
    return factor_values(CODE, df, limits).rename(NAME)
'''
