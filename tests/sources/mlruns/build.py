"""Build what qlib and mlflow leave in a workspace, with valid defaults: `make_recording(folder,
…)`."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from tests.sources.pickles.assemble import (
    PROTO4,
    STOP,
    array,
    block,
    doubles,
    dtype,
    frame,
    index,
    integer,
    lst,
    objects,
    octets,
    series,
    several,
    text,
    times,
    tup,
)

GROUP, RUN = "1" * 18, "e" * 32
FOLDER = f"mlruns/{GROUP}/{RUN}"
METRICS = {"IC": "0.02", "Rank IC": "0.03"}
DAYS = (date(2020, 1, 2), date(2020, 1, 3))
STOCKS = ("SH600000", "SZ000001")
START, END = 1_795_170_018_618, 1_795_170_025_003

Row = tuple[date, str, float]


def make_task(
    *,
    topk: Any = 50,
    model: Mapping[str, Any] | None = None,
    handler: Mapping[str, Any] | None = None,
    segments: Any = None,
    strategy: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return qlib's task with one base feature and the factor table."""
    loaders = [
        {
            "class": "qlib.contrib.data.loader.Alpha158DL",
            "kwargs": {
                "config": {
                    "label": [["Ref($close, -2)/Ref($close, -1) - 1"], ["LABEL0"]],
                    "feature": [["Ref($close, 60)/$close"], ["ROC60"]],
                }
            },
        },
        {
            "class": "qlib.data.dataset.loader.StaticDataLoader",
            "kwargs": {"config": "combined_factors_df.parquet"},
        },
    ]
    nested = {"class": "NestedDataLoader", "kwargs": {"dataloader_l": loaders}}
    options = {"instruments": "csi300", "start_time": date(2015, 2, 1), "data_loader": nested}
    spans = {"train": [date(2015, 2, 1), date(2019, 12, 31)], "test": list(DAYS)}
    exchange = {"open_cost": 0.0005, "close_cost": 0.0015, "deal_price": "close"}
    topk_of = {"signal": "<PRED>", "topk": topk, "n_drop": 5}
    config = {
        "strategy": {"class": "TopkDropoutStrategy", "kwargs": topk_of, **(strategy or {})},
        "backtest": {"benchmark": "SH000300", "account": 100000000, "exchange_kwargs": exchange},
    }
    return {
        "model": model or {"class": "LGBModel", "kwargs": {"num_threads": 2, "max_depth": 8}},
        "dataset": {
            "class": "DatasetH",
            "kwargs": {
                "handler": handler or {"class": "DataHandlerLP", "kwargs": options},
                "segments": spans if segments is None else segments,
            },
        },
        "record": [{"class": "PortAnaRecord", "kwargs": {"config": config}}],
    }


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return a task as mlflow's parameters: keys joined by dots, values as Python prints them."""
    found: dict[str, str] = {}
    for name, each in value.items():
        if isinstance(each, Mapping):
            found |= flat(each, f"{prefix}{name}.")
        else:
            found[prefix + name] = str(each)
    return found


def make_recording(
    workspace: Path,
    *,
    folder: str = FOLDER,
    task: object = None,
    metrics: Mapping[str, str] = METRICS,
    params: Mapping[str, str] | None = None,
    meta: Mapping[str, object] | None = None,
    rows: Sequence[Row] | None = None,
) -> Path:
    """Write a finished run into the workspace and return the run's folder. No task is written when
    it is False."""
    run = workspace / folder
    described: dict[str, object] = {
        "artifact_uri": f"file:///home/q/{workspace.name}/{folder}/artifacts",
        "end_time": END,
        "lifecycle_stage": "active",
        "start_time": START,
        "status": 3,
    }
    lines = [f"{name}: {value}\n" for name, value in (described | dict(meta or {})).items()]
    write(run / "meta.yaml", "".join(lines))
    for name, value in metrics.items():
        write(run / "metrics" / name, f"{END} {value} 0\n")
    argv = {"cmd-sys.argv": "/opt/bin/qrun conf_combined_factors.yaml"}
    for name, value in (argv if params is None else params).items():
        write(run / "params" / name, value)
    if task is not False:
        write(run / "artifacts" / "task", pickle.dumps(make_task() if task is None else task))
    write(run / "artifacts" / "config", pickle.dumps({"market": "csi300", "benchmark": "x"}))
    write(run / "artifacts" / "params.pkl", b"weights")
    scores = rows or [(day, name, 0.1 * place) for day in DAYS for place, name in enumerate(STOCKS)]
    write(run / "artifacts" / "pred.pkl", pickled_rows(scores, "score"))
    write(run / "artifacts" / "label.pkl", pickled_rows(scores, "LABEL0"))
    write(run / "artifacts" / "sig_analysis" / "ic.pkl", pickled_days([0.1, 0.2]))
    return run


def write(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def pickled_rows(rows: Sequence[Row], column: str) -> bytes:
    """Return a frame of one column by datetime and instrument, as pandas 2 pickles it."""
    days = sorted({day for day, _, _ in rows})
    names = sorted({name for _, name, _ in rows})
    levels = lst(days_index(days), index(objects(*map(text, names))))
    codes = lst(
        whole([days.index(day) for day, _, _ in rows]),
        whole([names.index(name) for _, name, _ in rows]),
    )
    axis = several(levels, codes, lst(text("datetime"), text("instrument")))
    packed = struct.pack(f"<{len(rows)}d", *(value for _, _, value in rows))
    values = array(dtype("f8"), tup(integer(1), integer(len(rows))), octets(packed))
    return PROTO4 + frame(tup(block(values)), index(objects(text(column))), axis) + STOP


def pickled_days(values: Sequence[float], days: Sequence[date] = DAYS) -> bytes:
    """Return a series by day, as pandas 1 pickles it."""
    return PROTO4 + series(doubles(*values), days_index(days)) + STOP


def days_index(days: Sequence[date]) -> bytes:
    packed = struct.pack(f"<{len(days)}q", *(day.toordinal() - EPOCH for day in days))
    values = array(times("D"), tup(integer(len(days))), octets(packed))
    return index(values, "pandas.core.indexes.datetimes.DatetimeIndex")


def whole(values: Sequence[int]) -> bytes:
    packed = struct.pack(f"<{len(values)}q", *values)
    return array(dtype("i8"), tup(integer(len(values))), octets(packed))


EPOCH = date(1970, 1, 1).toordinal()
HOSTILE = b"cposix\nsystem\n(X\x0b\x00\x00\x00touch PWNEDtR."
