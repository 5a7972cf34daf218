"""Make values by day and instrument as the package takes them: `panel_of({(day, code): value})`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rdlake.domain.panel import Label, Panel, PanelRows
from tests.factors.statistics.plain import Values


def rows_of(keys: Sequence[tuple[int, str]]) -> PanelRows:
    """Return rows in the order given."""
    names = list(dict.fromkeys(code for _, code in keys))
    days = np.array([day for day, _ in keys], np.int32)
    return PanelRows.from_columns(
        days, np.array([names.index(code) for _, code in keys], np.int32), names
    )


def panel_of(values: Values) -> Panel:
    return rows_of(list(values)).column(np.array(list(values.values()), float))[0]


def label_of(values: Values) -> Label:
    return Label.from_panel("prices", panel_of(values))
