"""Check the protocol's word for a file."""

from __future__ import annotations

import pytest

from rdlake.sources.workspace.artifact_types import artifact_type


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("qlib_res.csv", "backtest_metrics"),
        ("ret.pkl", "backtest_curve"),
        ("conf_baseline.yaml", "config_snapshot"),
        ("sub/conf_baseline.yaml", None),
        ("sub/factor.py", "code"),
        ("mlruns/1/2/artifacts/params.pkl", "model"),
        ("mlruns/1/2/artifacts/pred.pkl", "signals"),
        ("sub/qlib_res.csv", None),
        ("notes.txt", None),
    ],
)
def test_a_path_tells_what_a_file_is_for(path: str, word: str | None) -> None:
    assert artifact_type(path) == word
