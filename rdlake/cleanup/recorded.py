"""What the journal says, as rows of the lake: `cleanups`, and the state of each artifact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import polars as pl

from rdlake.cleanup.journal import Journal, State
from rdlake.lake import Lake
from rdlake.rows import frame_of
from rdlake.tables import table

__all__ = ["is_recorded", "record"]

AWAY: tuple[State, ...] = ("meant", "trashed", "purging", "purged")
BACK: tuple[State, ...] = ("undone", "given_back")


def record(lake: Lake, journals: Iterable[Journal]) -> None:
    """Bring the lake's rows to what these journals say; what it says already is not written."""
    rows, states = list[dict[str, object]](), dict[tuple[str, str], str]()
    ids = set[str]()
    for journal in journals:
        for row in _rows(journal):
            rows.append(row)
            if row["stage"] != "logs":
                away = row["state"] in AWAY
                states[str(row["workspace_id"]), str(row["path"])] = (
                    "removed" if away else "present"
                )
        if journal.moves:
            ids.add(journal.cleanup_id)
    if ids:
        lake.commit({"cleanups": frame_of(table("cleanups"), rows)}, {"cleanup_id": sorted(ids)})
        _record_states(lake, states)


def is_recorded(lake: Lake, journal: Journal, number: int) -> bool:
    """Whether the lake says of every file of a move what the journal says: who edits the one does
    not have the other."""
    move = journal.moves[number]
    mine = (pl.col("cleanup_id") == journal.cleanup_id) & (pl.col("workspace_id") == move.name)
    columns = ["path", "kind", "size", "sha256", "proof", "stage", "archive_lake_id"]
    told = {row[0]: row[1:] for row in lake.read("cleanups", columns, mine).rows()}
    return bool(move.files) and all(
        told.get(each.path)
        == (each.kind, each.size, each.sha256, each.proof, move.stage, journal.archive_lake_id)
        for each in move.files
    )


def _rows(journal: Journal) -> Iterator[dict[str, object]]:
    for number, move in enumerate(journal.moves):
        state, times = journal.state[number], journal.times[number]
        for each in move.files:
            is_gone = state == "undone" and each.path in journal.gone[number]
            yield {
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
                "purged_at": _moment(times.get("purged") or times.get("purging") if is_gone
                                     else times.get("purged")),
            }  # fmt: skip


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _record_states(lake: Lake, states: dict[tuple[str, str], str]) -> None:
    """Only what the lake knows as present or removed: an unreadable file stays so."""
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
