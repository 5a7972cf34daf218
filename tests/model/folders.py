"""A workspace folder as a value: its files byte for byte, and what the catalog must say of it."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.builders import FACTOR_TEMPLATES, MODEL_TEMPLATES, make_curve, make_factor_table

DAYS = 5
TORN = "torn"
Metrics = tuple[tuple[str, float], ...]
Row = dict[str, Any]
Rows = dict[tuple[Any, ...], Row]
Answers = dict[str, Rows]
"""view -> key -> the columns that are told for certain."""


@dataclass(frozen=True)
class Folder:
    """What a workspace holds; None is a file that is not there."""

    action: str
    metrics: Metrics | None
    curve: float | str | None
    factors: tuple[str, ...] | None

    def __str__(self) -> str:
        return f"{self.action}, metrics={self.metrics}, curve={self.curve}, factors={self.factors}"

    @property
    def files(self) -> dict[str, bytes]:
        """path -> content."""
        templates = FACTOR_TEMPLATES if self.action == "factor" else MODEL_TEMPLATES
        files = dict.fromkeys(templates, b"market: csi300\n")
        if self.action == "model":
            files["model.py"] = b"model_cls = None\n"
        if self.metrics is not None:
            files["qlib_res.csv"] = metrics_file(self.metrics)
        if self.curve is not None:
            files["ret.parquet"] = curve_file(self.curve)
        if self.factors is not None:
            files["combined_factors_df.parquet"] = factors_file(self.factors)
        return files

    @property
    def role(self) -> str:
        tested = self.metrics is not None or self.curve is not None
        if self.action == "factor" and self.factors is None:
            return "baseline" if tested else "unused"
        return "experiment"

    @property
    def is_loop(self) -> bool:
        return self.role != "unused"

    @property
    def has_result(self) -> bool:
        return any(math.isfinite(value) for _, value in self.metrics or ())

    @property
    def status(self) -> str:
        return "partial" if self.curve == TORN else "ok"

    def without(self, part: str) -> Folder:
        """The same without one of its files."""
        kept = {name: value for name, value in vars(self).items() if name != part}
        return Folder(**{part: None, **kept})

    def write(self, path: Path) -> None:
        """Make the folder hold exactly these files; what is there already is not touched."""
        path.mkdir(parents=True, exist_ok=True)
        files = self.files
        for each in path.iterdir():
            if each.name not in files:
                each.unlink()
        for name, content in files.items():
            file = path / name
            if not file.exists() or file.read_bytes() != content:
                file.write_bytes(content)


def answers(folders: dict[str, Folder]) -> Answers:
    """What the views say of a lake that holds these workspaces."""
    loops: Rows = {}
    days: Rows = {}
    artifacts: Rows = {}
    carriers: dict[str, int] = {}
    for name, folder in folders.items():
        if folder.is_loop and folder.has_result:
            loops[f"synthetic_{name}", 0, name] = _loop(name, folder)
        if folder.is_loop and isinstance(folder.curve, float):
            days |= {(name, row["date"]): row for row in curve_rows(folder.curve)}
        for factor in folder.factors or ():
            carriers[factor] = carriers.get(factor, 0) + 1
        for path, content in folder.files.items():
            artifacts[name, path] = {
                "size": len(content),
                "sha256": digest(content),
                "role": folder.role,
                "task_run_id": f"synthetic_{name}" if folder.is_loop else None,
            }
    return {
        "artifact_list": artifacts,
        "equity_curve": days,
        "factor_catalog": {
            (factor, "rdagent_generated"): {"experiments": count}
            for factor, count in carriers.items()
        },
        "loop_catalog": loops,
    }


def _loop(name: str, folder: Folder) -> Row:
    metrics = {key: value if math.isfinite(value) else None for key, value in folder.metrics or ()}
    plain = f"synthetic_{name}/0"
    days = curve_rows(folder.curve) if isinstance(folder.curve, float) else ()
    return {
        "experiment_id": f"{plain}/baseline" if folder.role == "baseline" else plain,
        "role": folder.role,
        "action": folder.action,
        "ic": metrics.get("IC"),
        "has_curve": bool(days),
        "curve_start": days[0]["date"] if days else None,
        "curve_end": days[-1]["date"] if days else None,
        "curve_days": len(days) or None,
        "final_nav": days[-1]["nav"] if days else None,
        "factor_names": None if folder.factors is None else list(folder.factors),
    }


@cache
def curve_rows(level: float) -> tuple[Row, ...]:
    """The days of a curve as qlib wrote them, with the net return and its product."""
    kept = ("return", "cost", "bench", "turnover", "account", "value", "cash")
    rows, nav = [], 1.0
    for day in make_curve(DAYS, level).iter_rows(named=True):
        net = day["return"] - day["cost"]
        nav *= 1 + net
        row = {name: day[name] for name in kept} | {"net_return": net, "nav": nav}
        rows.append({"date": day["datetime"].date()} | row)
    return tuple(rows)


@cache
def metrics_file(metrics: Metrics) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("", "0"), *metrics])
    return text.getvalue().encode()


@cache
def curve_file(curve: float | str) -> bytes:
    return b"torn" if isinstance(curve, str) else parquet(make_curve(DAYS, curve))


@cache
def factors_file(factors: tuple[str, ...]) -> bytes:
    return parquet(make_factor_table(factors))


def parquet(frame: Any) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


@cache
def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
