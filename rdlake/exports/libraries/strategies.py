"""Write the shared library of strategies: a module of literals per configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rdlake.exports.libraries.generated_folder import GeneratedFolder
from rdlake.exports.libraries.implementations import OmittedFactor
from rdlake.exports.libraries.packages import NOTICE, literal_text, number_version, package_init
from rdlake.store.lake import Lake

PACKAGE = "rd_strategies_lib"
TREES = ("data_config", "dataset_config", "portfolio_config", "backtest_config", "model_config")
PLAIN = ("market", "benchmark", "instruments", "freq", "base_features", "source", "name")

Configurations = dict[str, dict[str, Any]]
"""strategy_id -> the configuration that ran, as values."""


def read_configurations(lake: Lake) -> tuple[Configurations, tuple[OmittedFactor, ...]]:
    """Return every configuration that ran or was added, and those that cannot be written."""
    found: Configurations = {}
    left: list[OmittedFactor] = []
    rows = lake.read("strategies").sort("strategy_id", "belongs_to", descending=[False, True])
    for row in rows.iter_rows(named=True):
        try:
            value = {each: row[each] for each in PLAIN}
            value["segments"] = dict(row["segments"] or {})
            value |= {each: _parsed(row[each]) for each in TREES}
            literal_text(value)
        except (ValueError, RecursionError) as error:
            left.append(OmittedFactor(row["strategy_id"], row["belongs_to"], f"its JSON: {error}"))
            continue
        found.setdefault(row["strategy_id"], value)
    return found, tuple(left)


def library_files(
    before: GeneratedFolder, found: Configurations
) -> tuple[int, Mapping[str, bytes]]:
    """Return the library's version and its files. A strategy that was written before stays
    registered."""
    known: Any = before.notes.get("strategies", [])
    ids = sorted({*known, *found})

    def files_of(version: int) -> dict[str, bytes]:
        modules = {each: f"{PACKAGE}.{_module(each)}" for each in ids}
        registry = REGISTRY.format(made=NOTICE, version=version, strategies=literal_text(modules))
        files = {"VERSION": f"{version}\n".encode()}
        files |= package_init(before, PACKAGE, "Strategies that ran.")
        files[f"{PACKAGE}/registry.py"] = registry.encode()
        for each, value in found.items():
            text = MODULE.format(made=NOTICE, id=each, config=literal_text(value))
            files[f"{PACKAGE}/{_module(each)}.py"] = text.encode()
        return files

    return number_version(before, files_of)


def notes_of(before: GeneratedFolder, found: Iterable[str], version: int) -> dict[str, object]:
    """Return the notes that the list of files keeps for the next sync."""
    known: Any = before.notes.get("strategies", [])
    return {"version": version, "strategies": sorted({*known, *found})}


def _module(strategy_id: str) -> str:
    return "strategy_" + "".join(c if c.isalnum() and c.isascii() else "_" for c in strategy_id)


def _parsed(text: str | None) -> object:
    return None if text is None else json.loads(text, parse_constant=_refused)


def _refused(word: str) -> float:
    raise ValueError(f"{word} is no number that can be written")


REGISTRY = '''"""Every strategy of this library, by strategy_id. {made}"""

from __future__ import annotations

from importlib import import_module
from typing import Any

VERSION = {version}

STRATEGIES: dict[str, str] = {strategies}


def config(strategy_id: str) -> dict[str, Any]:
    """The configuration of that strategy; KeyError when there is none."""
    return import_module(STRATEGIES[strategy_id]).get_config()
'''

MODULE = '''"""One strategy. {made}"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

STRATEGY_ID = {id!r}

CONFIG: dict[str, Any] = {config}


def get_config() -> dict[str, Any]:
    """The configuration that ran, a copy of its own."""
    return deepcopy(CONFIG)
'''
