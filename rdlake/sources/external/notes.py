"""Read the notes on factors: TABLE.yaml beside a factor table."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from rdlake.domain.ids import canonical_json
from rdlake.errors import BadInput
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.wording import explain, quote
from rdlake.sources.formats.yaml_text import MAX_BYTES, read_yaml
from rdlake.sources.workspace.hashing import open_file

COMMON_KEYS = ("region", "freq", "align", "nan_policy", "tags")
TEXT_KEYS = (
    "expression", "formula_hint", "description_cn", "region", "freq", "align", "nan_policy",
    "impl_module", "impl_func", "impl_version",
)  # fmt: skip
FACTOR_KEYS = (*TEXT_KEYS, "tags", "variables", "interface_info")
MAX_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class FactorNotes:
    """Hold columns of `factors` by factor, and the digest of the file; the digest is None without a
    file."""

    sha256: str | None = None
    factors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_notes(path: Path, names: Collection[str]) -> FactorNotes:
    """Return the notes on the factors with these names; empty ones without a file.

    BadInput for an unknown key or factor, a value of a wrong type, and a file that is no plain
    YAML.
    """
    if not os.path.lexists(path):
        return FactorNotes()
    data = read_yaml_bytes(path)
    try:
        content = read_yaml(data)
    except Unreadable as error:
        fix = "write plain YAML: names, texts and lists, without tags and templates"
        raise BadInput(f"cannot be used: {error}", where=path, fix=fix) from error
    entries = {} if content is None else _check_mapping(content, path, "the file")
    factors = entries.get("factors")
    _refuse_unknown(entries, (*COMMON_KEYS, "factors"), path, "the file")
    each_of = {} if factors is None else _check_mapping(factors, path, "factors")
    if factors is not None:
        _refuse_other_names(each_of, names, path)
    common = _check_columns(
        {name: entries[name] for name in COMMON_KEYS if name in entries}, path, "the file"
    )
    found = {}
    for name in names:
        own = each_of.get(name)
        where = f"factors.{name}"
        own = {} if own is None else _check_mapping(own, path, where)
        _refuse_unknown(own, FACTOR_KEYS, path, where)
        found[name] = {**common, **_check_columns(own, path, where)}
    return FactorNotes(sha256(data).hexdigest(), found)


def read_yaml_bytes(path: Path) -> bytes:
    """Return the content of a YAML file. BadInput when it cannot be read or is too large."""
    try:
        descriptor, _ = open_file(os.fspath(path.resolve()))
        with os.fdopen(descriptor, "rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        fix = "name a file that can be read"
        raise BadInput(f"cannot be read: {explain(error)}", where=path, fix=fix) from error
    if len(data) > MAX_BYTES:
        what = f"larger than {MAX_BYTES >> 20} MiB"
        raise BadInput(what, where=path, fix="a configuration is a few hundred lines")
    return data


def _refuse_other_names(entries: Mapping[str, Any], names: Collection[str], path: Path) -> None:
    """Raise BadInput for a factor that only one of table and notes has: one of them has a slip."""
    if strangers := sorted(entries.keys() - set(names)):
        what = f"factors names {quote(strangers[0])}, which the table does not have"
        raise BadInput(what, where=path, fix="spell it as the table's column")
    if missing := [name for name in names if name not in entries]:
        what = f"the table's column {quote(missing[0])} is not known: factors does not name it"
        raise BadInput(what, where=path, fix="name it there, or take it out of the table")


def _refuse_unknown(
    entries: Mapping[str, Any], known: Collection[str], path: Path, where: str
) -> None:
    if unknown := [str(name) for name in entries if name not in known]:
        what = f"{where} has the key {quote(unknown[0])}, which is not known"
        raise BadInput(what, where=path, fix=f"known are {', '.join(known)}")


def _check_columns(entries: Mapping[str, Any], path: Path, where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in entries.items():
        if value is None or value in ("", [], {}):
            continue
        found[name] = _check_value(name, value, path, where)
    return found


def _check_value(name: str, value: object, path: Path, where: str) -> Any:
    if name in TEXT_KEYS:
        return _check_text(value, path, f"{where}: {name}")
    if name == "tags":
        if not isinstance(value, list):
            raise _report_type(path, f"{where}: tags", "a list of texts")
        return [_check_text(each, path, f"{where}: tags") for each in value]
    entries = _check_mapping(value, path, f"{where}: {name}")
    if name == "interface_info":
        return canonical_json(entries)
    return {
        key: _check_text(each, path, f"{where}: variables.{key}") for key, each in entries.items()
    }


def _check_text(value: object, path: Path, where: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise _report_type(path, where, "a text; in quotes, where it looks like a number or day")
    return value


def _check_mapping(value: object, path: Path, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise _report_type(path, where, "names with values")
    return value


def _report_type(path: Path, where: str, wanted: str) -> BadInput:
    return BadInput(f"{where} is not what it should be", where=path, fix=f"write {wanted}")
