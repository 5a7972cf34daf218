"""Name one source of evidence, as a value and as the text that the lake stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

SourceKind = Literal["trace", "workspace", "registry", "json", "catalog"]
KINDS: tuple[SourceKind, ...] = ("trace", "workspace", "registry", "json", "catalog")
"""The kinds of sources. Of two that contradict each other the earlier one counts."""


@dataclass(frozen=True, slots=True)
class Source:
    """Name one source: its kind, and its own name.

    The name is the task_run_id of a trace or registry, the workspace_id of a folder (`workspace`)
    and of its JSON files (`json`), or the name of an exported catalog. `loop` is set only where
    RD-Agent itself reported one loop of a run, by `write_loop_artifacts`.
    """

    kind: SourceKind
    name: str
    loop: int | None = None

    def __str__(self) -> str:
        """Return the text by which the lake stores the source."""
        whole = f"{self.kind}:{self.name}"
        return whole if self.loop is None else f"{whole}/{self.loop}"

    @classmethod
    def parse(cls, text: str) -> Source:
        """Return the source that such a text names. ValueError for a kind that is not known."""
        word, _, name = text.partition(":")
        kind = _KINDS.get(word)
        if kind is None:
            raise ValueError(f"{text!r} names no source")
        run, slash, loop = name.rpartition("/")
        if kind == "registry" and slash:
            return cls(kind, run, int(loop))
        return cls(kind, name)


_KINDS: dict[str, SourceKind] = {kind: kind for kind in KINDS}


def is_of_kind(*kinds: SourceKind) -> pl.Expr:
    """Choose the rows whose `source` is of one of these kinds.

    The condition is a range, so that the statistics of a file tell whether it holds such a row.
    """
    source, after = pl.col("source"), chr(ord(":") + 1)
    return pl.any_horizontal((source >= f"{kind}:") & (source < f"{kind}{after}") for kind in kinds)


def source_texts(kind: SourceKind, names: pl.Expr) -> pl.Expr:
    """Return the texts of sources of one kind, from a column of their names."""
    return pl.lit(f"{kind}:") + names


def source_names(kind: SourceKind) -> pl.Expr:
    """Return the names in `source`, of rows that are all of one kind without a loop's number."""
    return pl.col("source").str.strip_prefix(f"{kind}:")
