"""Test that a figure of one series equals that of the expression over many series."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from rdlake.factors import series

RANDOM = np.random.default_rng(7)
EXAMPLES = {
    "many days": RANDOM.normal(0.001, 0.01, 238),
    "two days": np.array([0.01, -0.02]),
    "one day": np.array([0.01]),
    "equal days": np.full(5, 0.1),
    "no day": np.empty(0),
}


@pytest.mark.parametrize("values", EXAMPLES.values(), ids=EXAMPLES)
def test_numbers_and_expressions_agree(
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    column = pl.col("value")
    frame = pl.DataFrame({"value": values}).select(
        series.deviation_expr(column).alias("deviation"),
        series.annual_return_expr(column).alias("annual_return"),
        series.sharpe_expr(column).alias("sharpe"),
        series.drawdown_expr((1 + column).cum_prod()).min().clip(upper_bound=0).alias("drawdown"),
    )
    expected = (
        series.deviation(values),
        series.annual_return(values),
        series.sharpe(values),
        series.max_drawdown(values),
    )
    # None becomes NaN, which equals itself here
    np.testing.assert_allclose(np.array(frame.row(0), float), np.array(expected, float), rtol=1e-12)


def test_a_year_has_238_days() -> None:
    assert series.annual_return(np.array([0.01, 0.03])) == pytest.approx(0.02 * 238)
    assert series.sharpe(np.array([0.01, 0.03])) == pytest.approx(2**0.5 * 238**0.5)
