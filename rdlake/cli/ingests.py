"""Show what became of what was ingested: `rdlake ingests`."""

from __future__ import annotations

from dataclasses import asdict, fields

import click

from rdlake.cli.output import json_option, lake_option, say, show, show_json


@click.command()
@lake_option
@click.argument("task_run_id", required=False)
@json_option
def ingests(lake_root: str, task_run_id: str | None, as_json: bool) -> None:
    """Show what became of each run and why, or of each folder of one run, at its last ingest.

    \b
    rdlake ingests
    rdlake ingests 2026-01-05_09-30-00-000000 --json
    """
    import rdlake
    from rdlake.ingest.report import Reason, RunReport, count_by_reason, count_by_run, read_outcomes

    rows = read_outcomes(rdlake.open_lake(lake_root).lake, task_run_id)
    runs, reasons = count_by_run(rows), count_by_reason(rows)
    if as_json:
        report = {"runs": list(map(asdict, runs)), "reasons": list(map(asdict, reasons))}
        show_json(report | ({"ingests": rows.to_dicts()} if task_run_id else {}))
        return
    if task_run_id:
        columns = ["name", "role", "status", "ingested_at", "problems"]
        listed = [row | {"problems": len(row["findings"])} for row in rows.to_dicts()]
        show(listed, columns, as_json=False)
    else:
        show(list(map(asdict, runs)), [each.name for each in fields(RunReport)], as_json=False)
    if reasons:
        say("")
        show(list(map(asdict, reasons)), [each.name for each in fields(Reason)], as_json=False)
