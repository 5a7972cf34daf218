"""Read the configuration that ran from qlib's task: pickled, as mlflow's parameters, or as YAML."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from rdlake.domain.experiment import Finding
from rdlake.domain.recording import Configuration, Json, Origin
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.wording import quote
from rdlake.sources.formats.yaml_text import read_yaml
from rdlake.sources.mlruns.features import read_inputs
from rdlake.sources.mlruns.literals import read_literal
from rdlake.sources.mlruns.plain import to_json

_LOOK = "look at the configuration the back-test ran with"
_SEEDS = ("seed", "random_state", "random_seed")
_MAX_COUNT = 1_000_000


def read_task(
    task: Json, origin: Origin, file: str, outer: Json = None
) -> tuple[Configuration, list[Finding]]:
    """Return the configuration of a task. `outer` holds the market and benchmark that stand around
    it.

    Unreadable when the value is no task. A field of a wrong type becomes None with a warning.
    """
    if not isinstance(task, dict) or not isinstance(task.get("model"), dict):
        raise Unreadable("it holds no task: no model in it")
    if not isinstance(task.get("dataset"), dict):
        raise Unreadable("it holds no task: no dataset in it")
    read = _FieldReader(file)
    handler = _get(task, "dataset", "kwargs", "handler")
    portfolio = _find_portfolio(task.get("record"))
    inputs = read_inputs(handler)
    around = outer if isinstance(outer, dict) else {}
    instruments = read.text("instruments", _get(handler, "kwargs", "instruments"))
    exchange = _get(portfolio, "backtest", "exchange_kwargs")
    strategy = _get(portfolio, "strategy", "kwargs")
    kwargs = _get(task, "model", "kwargs")
    configuration = Configuration(
        origin=origin,
        market=read.text("market", around.get("market")) or instruments,
        instruments=instruments,
        benchmark=read.text("benchmark", _get(portfolio, "backtest", "benchmark")),
        freq=read.text("time_per_step", _get(portfolio, "executor", "kwargs", "time_per_step")),
        segments=_read_segments(_get(task, "dataset", "kwargs", "segments"), read),
        topk=read.count("topk", _get(strategy, "topk")),
        n_drop=read.count("n_drop", _get(strategy, "n_drop")),
        open_cost=read.number("open_cost", _get(exchange, "open_cost")),
        close_cost=read.number("close_cost", _get(exchange, "close_cost")),
        model_class=read.text("model.class", _get(task, "model", "class")),
        model_kwargs=kwargs if isinstance(kwargs, dict) else None,
        seed=read.count(
            "seed", next((v for n in _SEEDS if (v := _get(kwargs, n)) is not None), None)
        ),
        dataset_class=read.text("dataset.class", _get(task, "dataset", "class")),
        handler_class=read.text("handler.class", _get(handler, "class")),
        processors=_find_processors(handler),
        strategy_class=read.text("strategy.class", _get(portfolio, "strategy", "class")),
        label=inputs.label,
        base_features=inputs.base_features,
        takes_factors=inputs.takes_factors,
        sorts_features=inputs.sorts_features,
        data_config=_get(handler, "kwargs"),
        dataset_config=task["dataset"],
        portfolio_config=_get(portfolio, "strategy"),
        backtest_config=_get(portfolio, "backtest"),
        executor_config=_get(portfolio, "executor"),
        model_config=task["model"],
    )
    return configuration, read.findings


def read_params(params: Mapping[str, str], folder: str) -> tuple[Configuration, list[Finding]]:
    """Return the configuration in mlflow's parameters, whose names are the task's keys joined by
    dots.

    Unreadable when one of them was cut, because qlib limits the length of a parameter.
    """
    task: dict[str, Json] = {}
    for name, text in params.items():
        if name.startswith(("cmd-", "code_")):
            continue
        *outer, last = name.split(".")
        place = task
        for key in outer:
            inner = place.setdefault(key, {})
            if not isinstance(inner, dict):
                raise Unreadable(f"the parameter {quote(name)} contradicts another")
            place = inner
        if isinstance(place.get(last), dict):
            raise Unreadable(f"the parameter {quote(name)} contradicts another")
        place[last] = _parse_param(name, text)
    return read_task(task, "params", folder)


def read_yaml_configuration(data: bytes, file: str) -> tuple[Configuration, list[Finding]]:
    """Return the configuration of a YAML file that is known to have run.

    Unreadable when it is an unfilled template, or no configuration.
    """
    content = to_json(read_yaml(data))
    if not isinstance(content, dict):
        raise Unreadable("it holds no configuration")
    if "BASE_CONFIG_PATH" in content:
        raise Unreadable("it is completed from another file")
    return read_task(content.get("task"), "yaml", file, content)


def _parse_param(name: str, text: str) -> Json:
    try:
        value = read_literal(text)
    except Unreadable as error:
        if text.lstrip().startswith(("[", "{", "(")):
            raise Unreadable(f"the parameter {quote(name)} is cut short or no literal") from error
        return text
    try:
        return to_json(value)
    except Unreadable as error:
        raise Unreadable(f"the parameter {quote(name)} is {error}") from error


def _get(value: Json, *names: str) -> Json:
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _find_portfolio(record: Json) -> Json:
    """Return the settings of the back-test among qlib's records."""
    for each in record if isinstance(record, list) else [record]:
        name = _get(each, "class")
        if isinstance(name, str) and name.rpartition(".")[2] == "PortAnaRecord":
            return _get(each, "kwargs", "config")
    return None


def _find_processors(handler: Json) -> dict[str, Json] | None:
    kwargs = _get(handler, "kwargs")
    if not isinstance(kwargs, dict):
        return None
    names = ("shared_processors", "infer_processors", "learn_processors")
    found = {name: kwargs[name] for name in names if name in kwargs}
    return found or None


def _read_segments(
    value: Json, read: _FieldReader
) -> dict[str, tuple[str | None, str | None]] | None:
    if not isinstance(value, dict):
        return None
    found: dict[str, tuple[str | None, str | None]] = {}
    for name, bounds in value.items():
        if isinstance(bounds, list) and len(bounds) == 2:
            found[name] = read.day(name, bounds[0]), read.day(name, bounds[1])
        else:
            read.warn(f"segments.{name}", bounds)
    return found or None


class _FieldReader:
    """Read fields by type. A value of another type becomes None and a warning."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings: list[Finding] = []

    def warn(self, name: str, value: Json) -> None:
        reason = f"{quote(name)} is {quote(str(value))}; counts as unknown"
        self.findings.append(Finding("warning", self.file, reason, _LOOK))

    def text(self, name: str, value: Json) -> str | None:
        if value is None or value == "":
            return None
        if isinstance(value, str):
            return value
        if name in ("instruments", "benchmark") and isinstance(value, list | dict | int):
            return str(value) if isinstance(value, int) else "own list"
        self.warn(name, value)
        return None

    def count(self, name: str, value: Json) -> int | None:
        if value is None:
            return None
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        if type(whole) is int and 0 <= whole < _MAX_COUNT:
            return whole
        if name != "seed" or type(whole) is not int:
            self.warn(name, value)
            return None
        return whole if abs(whole) < 1 << 62 else None

    def number(self, name: str, value: Json) -> float | None:
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9:
            return float(value)
        self.warn(name, value)
        return None

    def day(self, name: str, value: Json) -> str | None:
        """Return ISO text of a day; qlib accepts texts such as 2017-07-01 or 20170701."""
        if value is None:
            return None
        try:
            if isinstance(value, str):
                return datetime.fromisoformat(value).date().isoformat()
            if type(value) is int:
                return date.fromisoformat(str(value)).isoformat()
        except ValueError:
            pass
        self.warn(f"segments.{name}", value)
        return None
