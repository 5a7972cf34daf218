"""Check Qlib's factor libraries."""

from __future__ import annotations

from rdlake.domain.qlib_alphas import ALPHA158, ALPHA360


def test_the_libraries_hold_as_many_factors_as_their_names_say() -> None:
    assert (len(ALPHA158), len(ALPHA360)) == (158, 360)


def test_expressions_are_qlibs() -> None:
    assert ALPHA158["ROC5"] == "Ref($close, 5)/$close"
    assert ALPHA360["VOLUME0"] == "$volume/($volume+1e-12)"
