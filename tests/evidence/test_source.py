"""A source as a value and as the text in the lake."""

from __future__ import annotations

import polars as pl
import pytest

from rdlake.evidence import Source, is_of_kind, source_names, source_texts

TEXTS = {
    "trace:2026-01-05_09-30-00-000000": Source("trace", "2026-01-05_09-30-00-000000"),
    "workspace:动量": Source("workspace", "动量"),
    "json:a:b": Source("json", "a:b"),
    "registry:6b3a": Source("registry", "6b3a"),
    "registry:6b3a/3": Source("registry", "6b3a", 3),
    "catalog:catalogs-0123456789ab": Source("catalog", "catalogs-0123456789ab"),
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_source_has_one_text_and_is_read_from_it(text: str) -> None:
    assert Source.parse(text) == TEXTS[text]
    assert str(TEXTS[text]) == text


def test_what_names_no_source_is_refused() -> None:
    with pytest.raises(ValueError, match="names no source"):
        Source.parse("external:alpha158")


def test_rows_are_chosen_by_kind() -> None:
    rows = pl.DataFrame({"source": list(TEXTS)})
    chosen = rows.filter(is_of_kind("trace", "registry"))["source"]
    assert chosen.to_list() == [text for text in TEXTS if text.startswith(("trace", "registry"))]


def test_names_become_texts_and_texts_names() -> None:
    rows = pl.DataFrame({"name": ["a", "b:c"]})
    texts = rows.select(source=source_texts("trace", pl.col("name")))
    assert texts["source"].to_list() == ["trace:a", "trace:b:c"]
    assert texts.select(source_names("trace"))["source"].to_list() == ["a", "b:c"]
