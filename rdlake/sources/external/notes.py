"""TABLE.yaml beside a table of factors: what its author says of them, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from rdlake.domain.ids import canonical_json
from rdlake.errors import BadInput
from rdlake.sources.formats.wording import because, quoted
from rdlake.sources.formats.yaml_text import MAX_BYTES, Unreadable, read_yaml
from rdlake.sources.workspace.hashing import open_file

OF_ALL = ("region", "freq", "align", "nan_policy", "tags")
TEXTS = (
    "expression", "formula_hint", "description_cn", "region", "freq", "align", "nan_policy",
    "impl_module", "impl_func", "impl_version",
)  # fmt: skip
OF_ONE = (*TEXTS, "tags", "variables", "interface_info")
MAX_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Notes:
    """Columns of `factors` by factor, and the digest of the file; None without one."""

    sha256: str | None = None
    factors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_notes(path: Path, names: Collection[str]) -> Notes:
    """The notes on factors of these names; empty ones where there is no file. BadInput for a key or
    factor that is not known, a value of another type, and a file that is no plain YAML."""
    if not os.path.lexists(path):
        return Notes()
    data = yaml_bytes(path)
    try:
        content = read_yaml(data)
    except Unreadable as error:
        fix = "write plain YAML: names, texts and lists, without tags and templates"
        raise BadInput(f"cannot be taken: {error}", where=path, fix=fix) from error
    told = {} if content is None else _mapping(content, path, "the file")
    factors = told.get("factors")
    _refuse_unknown(told, (*OF_ALL, "factors"), path, "the file")
    each_of = {} if factors is None else _mapping(factors, path, "factors")
    if factors is not None:
        _refuse_other_names(each_of, names, path)
    common = _columns({name: told[name] for name in OF_ALL if name in told}, path, "the file")
    found = {}
    for name in names:
        own = each_of.get(name)
        where = f"factors.{name}"
        own = {} if own is None else _mapping(own, path, where)
        _refuse_unknown(own, OF_ONE, path, where)
        found[name] = {**common, **_columns(own, path, where)}
    return Notes(sha256(data).hexdigest(), found)


def yaml_bytes(path: Path) -> bytes:
    """The content of a YAML file; BadInput when it cannot be read or is larger than any is."""
    try:
        descriptor, _ = open_file(os.fspath(path.resolve()))
        with os.fdopen(descriptor, "rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        fix = "name a file that can be read"
        raise BadInput(f"cannot be read: {because(error)}", where=path, fix=fix) from error
    if len(data) > MAX_BYTES:
        what = f"larger than {MAX_BYTES >> 20} MiB"
        raise BadInput(what, where=path, fix="a configuration is a few hundred lines")
    return data


def _refuse_other_names(told: Mapping[str, Any], names: Collection[str], path: Path) -> None:
    """A factor that only one of table and notes has is a slip in one of them."""
    if strangers := sorted(told.keys() - set(names)):
        what = f"factors names {quoted(strangers[0])}, which the table does not have"
        raise BadInput(what, where=path, fix="spell it as the table's column")
    if missing := [name for name in names if name not in told]:
        what = f"the table's column {quoted(missing[0])} is not known: factors does not name it"
        raise BadInput(what, where=path, fix="name it there, or take it out of the table")


def _refuse_unknown(
    told: Mapping[str, Any], known: Collection[str], path: Path, where: str
) -> None:
    if unknown := [str(name) for name in told if name not in known]:
        what = f"{where} has the key {quoted(unknown[0])}, which is not known"
        raise BadInput(what, where=path, fix=f"known are {', '.join(known)}")


def _columns(told: Mapping[str, Any], path: Path, where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in told.items():
        if value is None or value in ("", [], {}):
            continue
        found[name] = _value(name, value, path, where)
    return found


def _value(name: str, value: object, path: Path, where: str) -> Any:
    if name in TEXTS:
        return _text(value, path, f"{where}: {name}")
    if name == "tags":
        if not isinstance(value, list):
            raise _other(path, f"{where}: tags", "a list of texts")
        return [_text(each, path, f"{where}: tags") for each in value]
    told = _mapping(value, path, f"{where}: {name}")
    if name == "interface_info":
        return canonical_json(told)
    return {key: _text(each, path, f"{where}: variables.{key}") for key, each in told.items()}


def _text(value: object, path: Path, where: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise _other(path, where, "a text; in quotes, where it looks like a number or day")
    return value


def _mapping(value: object, path: Path, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise _other(path, where, "names with values")
    return value


def _other(path: Path, where: str, wanted: str) -> BadInput:
    return BadInput(f"{where} is not what it should be", where=path, fix=f"write {wanted}")
