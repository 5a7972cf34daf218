"""Check the role and action of a folder, told from file names alone."""

from __future__ import annotations

import pytest

from rdlake.sources.workspace.roles import classify, is_rdagent_name


@pytest.mark.parametrize(
    ("paths", "role", "action"),
    [
        (["conf_baseline.yaml", "qlib_res.csv"], "baseline", "factor"),
        (["conf_combined_factors.yaml", "combined_factors_df.parquet"], "experiment", "factor"),
        (["conf_sota_factors_model.yaml", "model.py"], "experiment", "model"),
        (["conf_baseline.yaml", "conf_sota_factors_model.yaml", "ret.pkl"], "experiment", None),
        (["conf_baseline.yaml"], "unused", "factor"),
        (["qlib_res.csv"], "experiment", None),
        (["factor.py", "result.h5"], "sub", "factor"),
        (["model.py"], "sub", "model"),
        (["result.h5"], "junk", None),
        ([], "junk", None),
        (["holiday.jpg"], None, None),
    ],
)
def test_names_tell_role_and_action(paths: list[str], role: str | None, action: str | None) -> None:
    assert classify(paths) == (role, action)


def test_names_that_rdagent_writes_are_known() -> None:
    assert is_rdagent_name("conf_combined_factors_sota.yaml")
    assert is_rdagent_name("mlruns")
    assert not is_rdagent_name("conf_mine.yaml")
