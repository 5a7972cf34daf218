"""Run `rdlake init`, `rdlake maintain` and `rdlake doctor`."""

from __future__ import annotations

from dataclasses import asdict

import click

from rdlake.cli.output import json_option, lake_option, say, show, show_json
from rdlake.errors import ExitCode


@click.command()
@lake_option
def init(lake_root: str) -> None:
    """Make a lake, or report the one that is there.

    \b
    rdlake init --lake lake
    """
    import rdlake

    lake = rdlake.init_lake(lake_root).lake
    say(f"lake {lake.lake_id[:8]} at {lake.root}")


@click.command()
@lake_option
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_option
def maintain(lake_root: str, dry_run: bool, as_json: bool) -> None:
    """Compact the tables; remove files that neither a table nor a published version needs, and old
    log entries that a checkpoint covers.

    \b
    rdlake maintain --dry-run
    """
    import rdlake
    from rdlake.operations.maintain import maintain as keep_up

    report = keep_up(rdlake.open_lake(lake_root).lake, dry_run=dry_run)
    if as_json:
        show_json(asdict(report))
        return
    rows = [
        {**asdict(each), "removed": len(each.removed), "log_removed": len(each.log_removed)}
        for each in report.tables
    ]
    columns = ["table", "files", "compacted", "removed", "log_removed", "bytes_freed"]
    show(rows, columns, as_json=False)
    verb = "would free" if dry_run else "freed"
    pruned = len(report.catalog_files_pruned)
    say(
        f"{verb} {report.bytes_freed:,} bytes; {pruned} catalog files pruned (made again on demand)"
    )


@click.command()
@lake_option
@click.option("--repair", is_flag=True, help="Move torn files aside; nothing is deleted.")
@json_option
def doctor(lake_root: str, repair: bool, as_json: bool) -> int:
    """Show each setting with its origin, and whether the lake is whole.

    \b
    rdlake doctor
    """
    from rdlake.operations.doctor import examine
    from rdlake.operations.doctor import repair as mend
    from rdlake.settings import Settings, explain_settings

    moved = mend(lake_root) if repair else []
    health = examine(lake_root)
    settings = [asdict(each) for each in explain_settings(Settings())]
    if as_json:
        show_json({"settings": settings, "moved": moved, **asdict(health)})
    else:
        show(settings, ["name", "value", "origin", "meaning"], as_json=False)
        for path in moved:
            say(f"moved aside: {path}")
        show([asdict(each) for each in health.faults], ["file", "reason", "fix"], as_json=False)
        say(health.summary)
    return ExitCode.OK if health.whole else ExitCode.VERIFICATION_FAILED
