"""Add a strategy from elsewhere: a Qlib configuration that was written by hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import polars as pl

from rdlake.domain.ids import EXTERNAL, runs_model_file, strategy_id
from rdlake.domain.recording import Configuration, Json
from rdlake.errors import BadInput
from rdlake.evidence.rows.recordings import configuration_columns
from rdlake.ingest.external.addition import AdditionReport, commit_addition, last_digest
from rdlake.ingest.external.tables import check_name
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.sources.external.notes import read_yaml_bytes
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.wording import explain, quote
from rdlake.sources.formats.yaml_text import read_yaml
from rdlake.sources.mlruns.configuration import read_yaml_configuration
from rdlake.sources.mlruns.plain import to_json
from rdlake.sources.workspace.hashing import open_file
from rdlake.store.lake import Lake

STRATEGY_SOURCES = ("handcrafted", "external")
MAX_CODE = 1 << 20
TOP = (
    "qlib_init", "sys", "experiment_name", "market", "benchmark", "data_handler_config",
    "port_analysis_config", "task",
)  # fmt: skip
TASK = ("model", "dataset", "record")


def add_strategy(
    lake: Lake, path: str | Path, *, name: str | None = None, source: str = "handcrafted"
) -> AdditionReport:
    """Add the strategy of a configuration under the id that its content gives.

    It replaces what was added under the same source and name; an equal one writes nothing.
    BadInput, before anything is written, for what is no whole configuration of plain values.
    """
    path = Path(path)
    if source not in STRATEGY_SOURCES:
        fix = f"known are {', '.join(STRATEGY_SOURCES)}"
        raise BadInput("a strategy cannot be added under this source", where=source, fix=fix)
    owner = f"{EXTERNAL}{source}/{check_name(name or path.stem)}"
    data = read_yaml_bytes(path)
    try:
        configuration, findings = read_yaml_configuration(data, path.name)
    except Unreadable as error:
        raise BadInput(f"no strategy: {error}", where=path, fix=_suggest_fix(str(error))) from error
    _refuse_unknown(to_json(read_yaml(data)), path)
    code = _model_code(configuration, path)
    identity = strategy_id(configuration, code)
    digest = sha256(f"{sha256(data).hexdigest()}\0{code}".encode()).hexdigest()
    row = {
        **configuration_columns(configuration),
        "strategy_id": identity,
        "belongs_to": owner,
        "source": source,
        "name": owner.partition("/")[2],
        "template_files": [path.name],
        "content_sha256": digest,
        "provenance": {"configuration": "yaml"},
    }
    report = AdditionReport(
        owner=owner, status="added", digest=digest, names=(identity,), findings=tuple(findings)
    )
    stored = lake.read("strategies", ["content_sha256"], pl.col("belongs_to") == owner)
    if stored["content_sha256"].to_list() == [digest] and last_digest(lake, owner) == digest:
        return replace(report, status="unchanged", findings=())
    frames = {"strategies": frame_of(table("strategies"), [row])}
    return commit_addition(lake, report, frames, {"belongs_to": [owner]})


def _suggest_fix(reason: str) -> str:
    if "Jinja" in reason:
        return "render it first: give the file that qrun would really read"
    if "another file" in reason:
        return "write out what BASE_CONFIG_PATH names, and leave that key away"
    return "give a Qlib configuration: plain YAML with task, and in it model, dataset and record"


def _refuse_unknown(content: Json, path: Path) -> None:
    """Raise BadInput for a key that Qlib does not know, unless the task uses it by its anchor."""
    assert isinstance(content, dict)
    task = content["task"]
    assert isinstance(task, dict)
    used = list(_all_values([content.get(name) for name in TOP]))
    for where, keys, known in (("the file", content, TOP), ("task", task, TASK)):
        for name, value in keys.items():
            if name not in known and (keys is task or value not in used):
                raise BadInput(
                    f"{where} has the key {quote(name)}, which is not known, and nothing uses it",
                    where=path,
                    fix=f"take it out, or spell it as one of {', '.join(known)}",
                )


def _all_values(value: Json) -> Iterator[Json]:
    """Yield a value and every value within it."""
    yield value
    for each in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from _all_values(each)


def _model_code(configuration: Configuration, path: Path) -> str | None:
    """Return the digest of model.py beside the configuration; None when it runs none."""
    if not runs_model_file(configuration):
        return None
    code = path.parent / "model.py"
    try:
        descriptor, _ = open_file(os.fspath(code))
        with os.fdopen(descriptor, "rb") as opened:
            data = opened.read(MAX_CODE + 1)
    except OSError as error:
        what = f"it runs a model.py that cannot be read: {explain(error)}"
        raise BadInput(what, where=code, fix="lay model.py beside the configuration") from error
    if len(data) > MAX_CODE:
        raise BadInput("larger than any model's code", where=code, fix="lay the right one there")
    return sha256(data).hexdigest()
