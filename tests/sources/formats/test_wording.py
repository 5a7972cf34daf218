"""Check what a finding may quote from a file."""

from __future__ import annotations

from rdlake.sources.formats.wording import escape_name, explain, is_utf8, quote


def test_a_quoted_name_is_short_and_on_one_line() -> None:
    assert quote("IC\n\x1b[31m") == r"'IC\n\x1b[31m'"
    assert len(quote("x" * 5_000)) <= 120


def test_an_error_is_explained_by_its_first_line() -> None:
    assert explain(ValueError("torn\nat byte 7")) == "torn"
    assert explain(PermissionError(13, "Permission denied", "/home/me/x")) == "Permission denied"
    assert explain(KeyError()) == "KeyError"
    assert len(explain(ValueError("x" * 5_000))) <= 241


def test_a_name_that_is_not_utf8_is_escaped() -> None:
    name = "caf\udce9"
    assert (is_utf8(name), escape_name(name)) == (False, "caf\\xe9")
    assert (is_utf8("因子"), escape_name("因子")) == (True, "因子")
