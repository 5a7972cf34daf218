"""Make ids from content: of a strategy, of a model, and by the older recipe of the protocol."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import PurePath
from uuid import UUID, uuid5

from rdlake.domain.recording import Configuration, Json

EXTERNAL = "external:"
"""The prefix of a workspace_id that does not come from RD-Agent."""
NO_FOLDER = "none_"
"""The prefix of the workspace_id of a loop that has no folder."""

_STRATEGY = UUID("0f0c1f6a-6c1e-5c39-9d0f-6f2f5a4f9a51")
_MODEL = UUID("3e0d0f0b-52b0-5f0c-8a50-0b6d1d7b8f77")
_PROTOCOL = UUID("7b6b2c6c-0b4d-4e2c-9b7f-3b1b9b4f3a11")
_NO_FOLDER = UUID("b6f4b8a0-3c55-5e0f-9d6e-0f6a1f3d8c21")

_IRRELEVANT_KEYS = frozenset(
    {
        "GPU", "gpu", "gpu_id", "device", "device_type", "n_jobs", "nthread", "num_threads",
        "num_workers", "thread_count", "mount_path", "provider_uri", "signal", "verbose",
        # These count the inputs, and the factor set is no part of a strategy.
        "d_feat", "num_features",
    }
)  # fmt: skip
_PATH = re.compile(r"(/|~|[A-Za-z]:[\\/]|file:).*", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_MIDNIGHT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]00:00(:00(\.0+)?)?")
_MODEL_FILE = re.compile(r"model(\.[A-Za-z_][A-Za-z_0-9]*)?")
_EXACT = 1 << 53


def id_without_folder(task_run_id: str, loop_id: int, role: str) -> str:
    """Return the workspace_id of a loop, or of its baseline, that has no folder."""
    return f"{NO_FOLDER}{uuid5(_NO_FOLDER, f'{task_run_id}/{loop_id}/{role}')}"


def has_folder(workspace_id: str) -> bool:
    """Return whether the id is a folder's name."""
    return not workspace_id.startswith(NO_FOLDER)


def canonical_json(value: object) -> str:
    """Return the value as JSON that is equal for equal content.

    Keys are sorted, dates are ISO text, numbers are their shortest decimals even when they are
    spelled as text, and empty mappings are left out.
    """
    return json.dumps(_canonical(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def strategy_id(configuration: Configuration, model_code: str | None = None) -> str:
    """Return the UUIDv5 of a configuration; `model_code` is the sha256 of the model.py that it
    runs."""
    return str(uuid5(_STRATEGY, canonical_json(strategy_content(configuration, model_code))))


def strategy_content(configuration: Configuration, model_code: str | None = None) -> Json:
    """Return what makes up a strategy: the parts of the configuration that ran, without threads,
    devices, paths, the signal and the factor set."""
    return {
        "dataset": drop_irrelevant(configuration.dataset_config),
        "strategy": drop_irrelevant(configuration.portfolio_config),
        "backtest": drop_irrelevant(configuration.backtest_config),
        "executor": drop_irrelevant(configuration.executor_config),
        "model": drop_irrelevant(configuration.model_config),
        "model_code": model_code if runs_model_file(configuration) else None,
    }


def runs_model_file(configuration: Configuration) -> bool:
    """Return whether the model that ran is the workspace's own model.py."""
    model = configuration.model_config
    if not isinstance(model, dict):
        return False
    kwargs = model.get("kwargs")
    uri = kwargs.get("pt_model_uri") if isinstance(kwargs, dict) else None
    named = (model.get("module_path"), uri)
    return any(isinstance(name, str) and _MODEL_FILE.fullmatch(name) for name in named)


def model_id(
    workspace_id: str,
    model_config: Json,
    features: Sequence[str] | None,
    weights_sha256: str | None,
    code_sha256: str | None = None,
) -> str:
    """Return the UUIDv5 of one trained model.

    The workspace is a part of it: a model's row belongs to the workspace that trained it, and two
    workspaces with equal models must not replace each other's row.
    """
    content = {
        "workspace": f"workspace {workspace_id}",
        "model": drop_irrelevant(model_config),
        "features": list(features) if features is not None else None,
        "weights": weights_sha256 and f"sha256 {weights_sha256}",
        "code": code_sha256 and f"sha256 {code_sha256}",
    }
    return str(uuid5(_MODEL, canonical_json(content)))


def proposed_model_id(
    workspace_id: str,
    model_type: str | None,
    hyperparameters: object,
    training_hyperparameters: object,
    code_sha256: str | None,
) -> str:
    """Return the UUIDv5 of a model in a workspace of which only the proposal is known."""
    content = {
        "workspace": f"workspace {workspace_id}",
        "proposed": model_type,
        "hyperparameters": hyperparameters,
        "training": training_hyperparameters,
        "code": code_sha256 and f"sha256 {code_sha256}",
    }
    return str(uuid5(_MODEL, canonical_json(content)))


def protocol_strategy_id(
    scenario: str | None, step_name: str | None, action: str | None, templates: Iterable[str]
) -> str:
    """Return the id that AIstock stored for a strategy.

    It is made of the words and of the names of all YAML files below the workspace, mlflow's too,
    whatever they contain.
    """
    words = {"scenario": scenario, "step_name": step_name, "action": action}
    content = {name: word or "" for name, word in words.items()}
    text = json.dumps(
        content | {"templates": sorted(templates)}, sort_keys=True, ensure_ascii=False
    )
    return uuid5(_PROTOCOL, text).hex


def canonical_subtree(config: Json) -> str | None:
    """Return a part of a configuration as canonical JSON, without what does not change the
    result."""
    return None if config is None else canonical_json(drop_irrelevant(config))


def drop_irrelevant(value: Json) -> Json:
    """Return a part of a configuration without what does not change the result: threads, devices,
    paths, the signal, the factor set."""
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if name not in _IRRELEVANT_KEYS}
        return {name: drop_irrelevant(each) for name, each in kept.items() if not _is_path(each)}
    if isinstance(value, list):
        return [
            drop_irrelevant(each) for each in value if not _is_path(each) and not _is_factors(each)
        ]
    return value


def _is_path(value: Json) -> bool:
    return isinstance(value, str) and _PATH.fullmatch(value) is not None


def _is_factors(value: Json) -> bool:
    """Return whether the value is the loader of the factor table."""
    name = value.get("class") if isinstance(value, dict) else None
    return isinstance(name, str) and name.rpartition(".")[2] == "StaticDataLoader"


def _canonical(value: object) -> Json:
    if isinstance(value, Mapping):
        pairs = ((str(name), _canonical(each)) for name, each in value.items())
        return {name: each for name, each in pairs if each != {}}
    if isinstance(value, list | tuple):
        return [_canonical(each) for each in value]
    return value if value is None or isinstance(value, bool) else _scalar(value)


def _scalar(value: object) -> Json:
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, datetime | date):
        return _text(value.isoformat())
    return _text(value.as_posix() if isinstance(value, PurePath) else str(value))


def _number(value: float) -> Json:
    if isinstance(value, int):
        return value
    if not math.isfinite(value):
        return str(value)
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


def _text(value: str) -> Json:
    if len(value) <= 40:
        if _NUMBER.fullmatch(value):
            return _number(float(value) if set(value) & set(".eE") else int(value))
        if midnight := _MIDNIGHT.fullmatch(value):
            return midnight[1]
    return value
