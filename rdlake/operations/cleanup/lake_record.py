"""Record a journal in the lake: rows of `cleanups`, and the state of each artifact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import polars as pl

from rdlake.operations.cleanup.journal import Journal, State
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.store.lake import Lake

AWAY: tuple[State, ...] = ("meant", "trashed", "purging", "purged")
KEY = ("cleanup_id", "workspace_id", "path")
WHAT = ("kind", "size", "sha256", "proof", "stage", "archive_lake_id", "archive_id")


def record_journals(lake: Lake, journals: Iterable[Journal], begun: str | None = None) -> None:
    """Bring the lake's rows to the steps of these journals; rows that agree already are not
    written.

    Only the journal that was just begun adds rows. For others the lake knows what moved, and a
    journal that says otherwise is not believed.
    """
    journals = [each for each in journals if each.moves]
    ids = [each.cleanup_id for each in journals]
    known = lake.read("cleanups", None, pl.col("cleanup_id").is_in(ids))
    told = {tuple(row[name] for name in KEY): row for row in known.iter_rows(named=True)}
    states = dict[tuple[str, str], str]()
    for journal in journals:
        for row in _rows(journal):
            key = tuple(row[name] for name in KEY)
            if journal.cleanup_id != begun and not _is_same_file(row, told.get(key)):
                continue
            is_news = key not in told or told[key]["state"] != row["state"]
            told[key] = row
            if is_news and row["stage"] != "logs":
                word = "removed" if row["state"] in AWAY else "present"
                states[str(row["workspace_id"]), str(row["path"])] = word
    if told:
        rows = frame_of(table("cleanups"), list(told.values()))
        # At the beginning `cleanups` is written first, later last: a command that is stopped in
        # between leaves the next one something to complete.
        if begun is None:
            _record_states(lake, states)
        lake.commit({"cleanups": rows}, {"cleanup_id": ids})
        if begun is not None:
            _record_states(lake, states)


def _is_same_file(row: Mapping[str, object], known: Mapping[str, object] | None) -> bool:
    return known is not None and all(row[name] == known[name] for name in WHAT)


def is_recorded(lake: Lake, journal: Journal, number: int) -> bool:
    """Return whether the lake says of every file of a move what the journal says: an edited journal
    is refused."""
    move = journal.moves[number]
    mine = (pl.col("cleanup_id") == journal.cleanup_id) & (pl.col("workspace_id") == move.name)
    told = {row["path"]: row for row in lake.read("cleanups", None, mine).iter_rows(named=True)}
    rows = [row for at, row in _numbered(journal) if at == number]
    return bool(rows) and all(_is_same_file(row, told.get(row["path"])) for row in rows)


def _rows(journal: Journal) -> Iterator[dict[str, object]]:
    return (row for _, row in _numbered(journal))


def _numbered(journal: Journal) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield a row for each file, with the number of its move."""
    for number, move in enumerate(journal.moves):
        state, times = journal.state[number], journal.times[number]
        for each in move.files:
            is_gone = state == "undone" and each.path in journal.gone[number]
            row: dict[str, object] = {
                "cleanup_id": journal.cleanup_id,
                "workspace_id": move.name,
                "path": each.path,
                "kind": each.kind,
                "size": each.size,
                "sha256": each.sha256,
                "proof": each.proof,
                "archive_lake_id": journal.archive_lake_id,
                "archive_id": move.archive_id,
                "stage": move.stage,
                "state": "purged" if is_gone else state,
                "meant_at": _moment(times.get("meant")),
                "trashed_at": _moment(times.get("trashed")),
                "back_at": _moment(times.get("undone") or times.get("given_back")),
                "purged_at": _moment(times.get("purging" if is_gone else "purged")),
            }
            yield number, row


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _record_states(lake: Lake, states: dict[tuple[str, str], str]) -> None:
    """Update only files that the lake knows as present or removed; an unreadable file stays so."""
    ids = sorted({workspace_id for workspace_id, _ in states})
    if not ids:
        return
    rows = lake.read("artifacts", None, pl.col("workspace_id").is_in(ids))
    told = pl.DataFrame(
        [(*key, state) for key, state in states.items()],
        schema={"workspace_id": pl.String, "path": pl.String, "told": pl.String},
        orient="row",
    )
    known = pl.col("state").is_in(["present", "removed"]) & pl.col("told").is_not_null()
    news = (
        rows.join(told, on=["workspace_id", "path"], how="left")
        .with_columns(state=pl.when(known).then("told").otherwise("state"))
        .drop("told")
    )
    lake.commit({"artifacts": news}, {"workspace_id": ids})
