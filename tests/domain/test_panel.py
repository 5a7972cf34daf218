"""Check values by day and instrument."""

from __future__ import annotations

import numpy as np
import pytest

from rdlake.domain.panel import Label, PanelRows, build_matrix, normalize_instrument


def rows(*keys: tuple[int, str]) -> PanelRows:
    days = np.array([day for day, _ in keys], np.int32)
    codes = np.arange(len(keys), dtype=np.int32)
    return PanelRows.from_columns(days, codes, [code for _, code in keys])


@pytest.mark.parametrize("code", ["SH600000", "sh600000", "600000.SH", "600000.XSHG", " sh.600000"])
def test_an_instrument_has_one_name(code: str) -> None:
    assert normalize_instrument(code) == "SH600000"


def test_another_code_is_kept_in_capitals() -> None:
    assert normalize_instrument("csi300") == "CSI300"


def test_equal_content_is_equal_in_any_order() -> None:
    one, _ = rows((2, "SZ000001"), (1, "SH600000")).column(np.array([2.0, 1.0]))
    other, _ = rows((1, "600000.SH"), (2, "000001.SZ")).column(np.array([1.0, 2.0]))
    assert one.digest == other.digest


def test_equal_rows_that_contradict_each_other_have_no_value() -> None:
    table = rows((1, "A"), (1, "a"), (2, "B"), (2, "b"))
    panel, contradicted = table.column(np.array([1.0, 2.0, 3.0, 3.0]))
    assert (table.repeated, contradicted, panel.values.tolist()) == (2, 1, [3.0])


def test_days_are_counted_with_their_bounds() -> None:
    table = rows((1, "A"), (2, "A"), (2, "B"), (3, "C"))
    assert table.count_between(1, 2) == (3, 2, 2)
    panel, _ = table.column(np.arange(4.0))
    assert panel.values[panel.rows_between(2, 3)].tolist() == [1.0, 2.0, 3.0]


def test_a_label_is_found_by_day_and_instrument() -> None:
    panel, _ = rows((1, "A"), (2, "B")).column(np.array([1.0, 2.0]))
    asked, _ = rows((1, "A"), (1, "B"), (2, "B"), (3, "A")).column(np.zeros(4))
    found = Label.from_panel("prices", panel).values_at(asked)
    np.testing.assert_array_equal(found, [1.0, np.nan, 2.0, np.nan])


def test_a_matrix_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rdlake.domain.panel.MAX_CELLS", 3)
    panel, _ = rows((1, "A"), (2, "B")).column(np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="2 days × 2 instruments"):
        build_matrix(panel)
