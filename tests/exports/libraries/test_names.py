"""Names of factors in Python."""

from __future__ import annotations

from rdlake.exports.libraries.names import python_name


def test_what_python_takes_stays_and_all_else_is_a_digest() -> None:
    assert [python_name("MOM_5D"), python_name("动量_10日")] == ["MOM_5D", "动量_10日"]
    odd = ["class", "a b", "5D", "a'); import os #", "../x", "", "ﬁ", "x" * 100, "a\nb", "量-比"]
    words = [python_name(each) for each in odd]
    assert all(each.isidentifier() and each.startswith("f_") for each in words)
    assert len(set(words)) == len(odd)
