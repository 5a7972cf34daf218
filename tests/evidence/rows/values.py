"""Values as the readers make them, with valid defaults: `make_value(curve=…)`."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from rdlake.domain.experiment import Experiment, FactorColumn, SourceFile, Workspace
from rdlake.evidence import evidence_of_folder, merge

RAW = ("account", "value", "cash", "return", "cost", "bench", "turnover")
START = date(2020, 1, 1)


def make_value(workspace_id: str = "a" * 32, **overrides: Any) -> Workspace:
    """A factor experiment's workspace with one file, no result and no curve."""
    plain: dict[str, Any] = {
        "workspace_id": workspace_id,
        "root_name": "workspaces",
        "role": "experiment",
        "action": "factor",
        "files": (
            SourceFile(
                path="conf_baseline.yaml",
                artifact_type="config_snapshot",
                kind="file",
                size=3,
                sha256="0" * 64,
            ),
        ),
        "source_digest": f"digest of {workspace_id}",
        "stat_digest": "stat",
    }
    return Workspace(**{**plain, **overrides})


def make_experiment(workspace_id: str = "a" * 32, **overrides: Any) -> Experiment:
    """The experiment that such a workspace shows."""
    experiment = merge([evidence_of_folder(make_value(workspace_id, **overrides))])
    assert experiment is not None
    return experiment


def days_of(**columns: Sequence[float | None]) -> pl.DataFrame:
    """A curve with these columns, one day after the other; the others are constant."""
    length = len(next(iter(columns.values())))
    plain: dict[str, Sequence[float | None]] = {name: [0.0] * length for name in RAW}
    frame = pl.DataFrame({**plain, **columns}, schema=dict.fromkeys(RAW, pl.Float64))
    dates = [START + timedelta(day) for day in range(length)]
    return frame.select(pl.Series("date", dates, dtype=pl.Date), *RAW)


def chance_days(days: int, seed: int, missing: float = 0.0) -> pl.DataFrame:
    """A curve by chance; each figure is missing with that likelihood."""
    chance = random.Random(seed)

    def some(low: float, high: float) -> list[float | None]:
        return [
            None if chance.random() < missing else chance.uniform(low, high) for _ in range(days)
        ]

    return days_of(
        **{
            "return": some(-0.05, 0.05),
            "cost": some(0.0, 0.002),
            "bench": some(-0.04, 0.04),
            "turnover": some(0.0, 0.4),
        }
    )


def factors_of(names: Mapping[str, str]) -> tuple[FactorColumn, ...]:
    """Factor columns in order, by name and by the column's name in the file."""
    return tuple(
        FactorColumn(name=name, column=column, position=place)
        for place, (name, column) in enumerate(names.items())
    )
