"""Run `rdlake cleanup …`, and `rdlake pin` for what must stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from rdlake.cli.output import json_option, lake_option, say, show, show_json
from rdlake.cli.sources import find_roots, key_option, logs_option, workspaces_option
from rdlake.errors import ExitCode

if TYPE_CHECKING:
    from rdlake.operations.cleanup import CleanupReport, CleanupRequest, Plan
    from rdlake.store.lake import Lake

Sign = Callable[["Lake", "CleanupReport"], None]

SHOWN = 20
STAGES = ("intermediates", "workspace", "logs", "junk")
archive_option = click.option("--archive", metavar="ARCHIVE", help="The archive of the files.")
needed_archive = click.option(
    "--archive", metavar="ARCHIVE", required=True, help="The archive of the files."
)
id_argument = click.argument("cleanup_id", metavar="[ID]", required=False)


def request_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options for roots, key, classes and days; hand them on as one `request`."""

    @wraps(command)
    def gathered(
        *,
        workspaces: Sequence[str],
        logs: Sequence[str],
        signing_key: Path | None,
        allowed: Sequence[str],
        idle_days: float,
        stages: Sequence[str] = (),
        **others: Any,
    ) -> int:
        from rdlake.operations.cleanup import STAGES, CleanupRequest

        roots, log_roots, key = find_roots(workspaces, logs, signing_key)
        chosen = [each for each in STAGES if each in stages]
        request = CleanupRequest(
            workspaces=roots,
            logs=log_roots,
            stages=chosen,
            allowed=frozenset(allowed),
            idle_days=idle_days,
            signing_key=key,
        )
        return command(request=request, **others)

    for option in (
        click.option("--idle-days", metavar="DAYS", type=click.FloatRange(min=0), default=30.0,
                     show_default=True, help="Take only what nobody used for so many days."),
        click.option("--allow", "allowed", metavar="CLASS", multiple=True,
                     help="Files that can be made again and need no archive: factor_values, "
                     "predictions, tracking, templates, caches; may be repeated."),
        key_option,
        logs_option,
        workspaces_option,
    ):  # fmt: skip
        gathered = option(gathered)
    return gathered


def roots_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add --workspaces and --log-path; hand them on as `roots`."""

    @wraps(command)
    def gathered(*, workspaces: Sequence[str], logs: Sequence[str], **others: Any) -> int:
        roots, log_roots, _ = find_roots(workspaces, logs, None)
        return command(roots=[*roots, *log_roots], **others)

    return workspaces_option(logs_option(gathered))


def signing_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add --sign and --receipt; hand on `sign`, which writes the receipt of a report.

    The key is read and the file is made before anything is deleted.
    """

    @wraps(command)
    def gathered(*, sign_key: Path | None, receipt: Path | None, **others: Any) -> int:
        if (sign_key is None) != (receipt is None):
            raise click.UsageError("--sign and --receipt go together")
        if sign_key is None or receipt is None:
            return command(sign=_unsigned, **others)
        from rdlake.operations.cleanup.receipt import load_private_key, sign_receipt

        key = load_private_key(sign_key)
        with _new_file(receipt) as file:

            def sign(lake: Lake, report: CleanupReport) -> None:
                file.write(sign_receipt(lake, {each.cleanup_id for each in report.moves}, key))

            return command(sign=sign, **others)

    for option in (
        click.option("--receipt", metavar="FILE", type=click.Path(path_type=Path),
                     help="Write a signed receipt of what was deleted to a new file."),
        click.option("--sign", "sign_key", metavar="KEY", type=click.Path(path_type=Path),
                     help="The Ed25519 key, PEM, to sign the receipt with."),
    ):  # fmt: skip
        gathered = option(gathered)
    return gathered


def _unsigned(lake: Lake, report: CleanupReport) -> None:
    """Write no receipt; the table `cleanups` records what was deleted all the same."""


@click.group()
def cleanup() -> None:
    """Free RD-Agent's disk of files that an archive has; a trash keeps them for some days.

    \b
    rdlake cleanup plan --archive /mnt/archive/lake -o PLAN.json
    rdlake cleanup apply PLAN.json --archive /mnt/archive/lake
    rdlake cleanup undo
    """


@cleanup.command()
@click.option("--stage", "stages", type=click.Choice(STAGES), multiple=True,
              default=("intermediates", "junk"), show_default=True,
              help="What may go: heavy files, the folder, the run's logs, folders without a loop; "
              "may be repeated.")  # fmt: skip
@archive_option
@request_options
@click.option("-o", "--output", metavar="PLAN.json", type=click.Path(path_type=Path),
              help="Write the plan to a new file.")  # fmt: skip
@lake_option
@json_option
def plan(
    *,
    request: CleanupRequest,
    archive: str | None,
    output: Path | None,
    lake_root: str,
    as_json: bool,
) -> int:
    """List what may go of each experiment and why, or why not. Nothing is changed.

    \b
    rdlake cleanup plan --archive /mnt/archive/lake --stage workspace -o PLAN.json
    rdlake cleanup plan --archive /mnt/archive/lake --stage logs --idle-days 60 --json
    """
    import rdlake
    from rdlake.operations.cleanup import make_plan

    made = make_plan(rdlake.open_lake(lake_root).lake, archive, request)
    if output:
        with _new_file(output) as file:
            file.write(made.model_dump_json(indent=2) + "\n")
    if as_json:
        click.echo(made.model_dump_json(indent=2))
    else:
        _tell_plan(made)
    return ExitCode.OK


@cleanup.command()
@click.argument("path", metavar="PLAN", type=click.Path(path_type=Path))
@needed_archive
@request_options
@click.option("--purge", "at_once", is_flag=True, help="Delete at once, without days of grace.")
@click.option("--grace-days", metavar="DAYS", type=click.FloatRange(min=0), default=7.0,
              show_default=True, help="Keep files in the trash for so many days.")  # fmt: skip
@signing_options
@lake_option
@json_option
def apply(  # noqa: PLR0913 - one parameter an option
    *,
    path: Path,
    archive: str,
    request: CleanupRequest,
    at_once: bool,
    grace_days: float,
    sign: Sign,
    lake_root: str,
    as_json: bool,
) -> int:
    """Examine everything in PLAN again and move it to the trash if nothing has changed.

    Name roots, classes and days again: rdlake does not rely on the plan. When the plan no longer
    matches, nothing is moved and the exit code is 4.

    \b
    rdlake cleanup apply PLAN.json --archive /mnt/archive/lake
    rdlake cleanup apply PLAN.json --archive /mnt/archive/lake --purge
    """
    import rdlake
    from rdlake.operations.cleanup import apply_plan, read_plan
    from rdlake.operations.cleanup import purge as delete

    lake, agreed = rdlake.open_lake(lake_root).lake, read_plan(path)
    report = apply_plan(lake, archive, agreed, request, grace_days=grace_days)
    if at_once:
        ids = {each.cleanup_id for each in report.moves}
        roots = [*request.workspaces, *request.logs]
        refused = report.refused
        found = [delete(lake, archive, roots, each, at_once=True) for each in sorted(ids)]
        report = type(report)((*refused, *(each for one in found for each in one.moves)))
    sign(lake, report)
    return _tell(report, as_json=as_json)


@cleanup.command()
@id_argument
@needed_archive
@roots_options
@click.option("--now", "at_once", is_flag=True, help="Delete also what still has days of grace.")
@signing_options
@lake_option
@json_option
def purge(  # noqa: PLR0913 - one parameter an option
    *,
    cleanup_id: str | None,
    archive: str,
    roots: Sequence[Path],
    at_once: bool,
    sign: Sign,
    lake_root: str,
    as_json: bool,
) -> int:
    """Delete files from the trash whose days of grace are over.

    The archive is read again; a file that it no longer proves stays.

    \b
    rdlake cleanup purge --archive /mnt/archive/lake
    """
    import rdlake
    from rdlake.operations.cleanup import purge as delete

    lake = rdlake.open_lake(lake_root).lake
    report = delete(lake, archive, roots, cleanup_id, at_once=at_once)
    sign(lake, report)
    return _tell(report, as_json=as_json)


@cleanup.command()
@id_argument
@roots_options
@lake_option
@json_option
def undo(*, cleanup_id: str | None, roots: Sequence[Path], lake_root: str, as_json: bool) -> int:
    """Give back what is still in the trash; nothing is overwritten.

    \b
    rdlake cleanup undo
    """
    import rdlake
    from rdlake.operations.cleanup import undo as give_back

    return _tell(give_back(rdlake.open_lake(lake_root).lake, roots, cleanup_id), as_json=as_json)


@cleanup.command()
@click.argument("path", metavar="RECEIPT", type=click.Path(path_type=Path))
@click.option("--key", metavar="PUB", required=True, type=click.Path(path_type=Path),
              help="The public key, PEM, of whoever signed it.")  # fmt: skip
@json_option
def verify(path: Path, key: Path, as_json: bool) -> None:
    """Check the signature of a RECEIPT and list what it says was deleted.

    The exit code is 4 when the signature does not match.

    \b
    rdlake cleanup verify receipt.json --key PUB.pem
    """
    from rdlake.operations.cleanup.receipt import verify_receipt

    receipt = verify_receipt(path, key)
    rows = [each.model_dump() for each in receipt.deleted]
    columns = ["workspace_id", "path", "size", "sha256", "proof", "archive_lake_id", "archive_id",
               "stage", "state", "cleanup_id"]  # fmt: skip
    show(rows, columns, as_json=as_json)
    say(f"signed for the lake {receipt.lake_id} at {receipt.made_at} UTC: {len(rows)} files")


@contextmanager
def _new_file(path: Path) -> Iterator[IO[str]]:
    """Open a new file; remove it again when nothing was written to it."""
    from rdlake.errors import BadInput

    try:
        file = path.open("x", encoding="utf-8")
    except OSError as error:
        what = f"the file cannot be written: {error.strerror}"
        raise BadInput(what, where=path, fix="name a new file; nothing is overwritten") from error
    try:
        with file:
            yield file
    finally:
        if not path.stat().st_size:
            path.unlink()


def _tell_plan(made: Plan) -> None:
    rows = [
        {
            "stage": item.stage,
            "folder": item.folder,
            "level": item.level,
            "bytes": item.size,
            "files": len(item.files),
            "may_go": "yes" if item.may_go else "no",
            "why": "; ".join(item.reasons) or ", ".join(sorted({
                each.proof for each in item.files if each.proof
            })),
        }
        for item in made.items
    ]  # fmt: skip
    if rows:
        columns = ["stage", "folder", "level", "bytes", "files", "may_go", "why"]
        show(rows, columns, as_json=False)
    say(f"{len(made.going)} of {len(made.items)} may go, {made.bytes:,} bytes; nothing is changed")


def _tell(report: CleanupReport, *, as_json: bool) -> int:
    if as_json:
        show_json([asdict(each) for each in report.moves])
    else:
        states = sorted({each.state for each in report.moves})
        for state in states:
            count = sum(each.state == state for each in report.moves)
            say(f"{state}: {count}, {report.bytes(state):,} bytes")
        for each in report.refused[:SHOWN]:
            say(f"  {each.path}: {each.reason}")
        for name in sorted({each.cleanup_id for each in report.moves}):
            say(f"clean-up {name}")
        if not report.moves:
            say("nothing to do")
    return ExitCode.PARTIAL if report.refused else ExitCode.OK


@click.command()
@click.argument("experiment", metavar="EXPERIMENT")
@click.option("--why", metavar="TEXT", required=True, help="The reason; kept with the pin.")
@lake_option
def pin(experiment: str, why: str, lake_root: str) -> None:
    """Pin an EXPERIMENT: no clean-up takes any of its files.

    \b
    rdlake pin 3f2a9c --why "in the report of May"
    """
    import rdlake
    from rdlake.operations.keep import pin as keep

    say(f"pinned {keep(rdlake.open_lake(lake_root).lake, experiment, why)}")


@click.command()
@click.argument("experiment", metavar="EXPERIMENT")
@lake_option
def unpin(experiment: str, lake_root: str) -> None:
    """Unpin an EXPERIMENT, so that a clean-up may take its files.

    \b
    rdlake unpin 3f2a9c
    """
    import rdlake
    from rdlake.operations.keep import unpin as let_go

    say(f"unpinned {let_go(rdlake.open_lake(lake_root).lake, experiment)}")


@click.command()
@lake_option
@json_option
def pins(lake_root: str, as_json: bool) -> None:
    """List the pinned experiments and the reasons.

    \b
    rdlake pins --json
    """
    import rdlake
    from rdlake.operations.keep import list_pins

    rows = list_pins(rdlake.open_lake(lake_root).lake).to_dicts()
    show(rows, ["workspace_id", "reason", "pinned_at"], as_json=as_json)
