"""Run `rdlake blobs` and `rdlake blobs extract`: the content that the lake keeps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from rdlake.cli.output import json_option, lake_option, say, show
from rdlake.errors import BadInput


class _ListedByDefault(click.Group):
    """Run `list` when no command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else ["list", *args])


@click.group(cls=_ListedByDefault)
def blobs() -> None:
    """List the files whose content the lake keeps, and write them out.

    \b
    rdlake blobs
    rdlake blobs 3f2a9c
    rdlake blobs extract 9b1c44e0 -o model.pkl
    """


@blobs.command("list")
@click.argument("workspace", required=False)
@lake_option
@json_option
def list_(workspace: str | None, lake_root: str, as_json: bool) -> None:
    """List how much content is kept, by type of file; or the files of one WORKSPACE.

    \b
    rdlake blobs
    rdlake blobs 3f2a9c
    """
    import rdlake
    from rdlake.store.inventory import list_files, list_types
    from rdlake.store.lookup import find_workspace

    lake = rdlake.open_lake(lake_root).lake
    frame = list_files(lake, find_workspace(lake, workspace)) if workspace else list_types(lake)
    show(frame.to_dicts(), frame.columns, as_json=as_json)


@blobs.command()
@click.argument("digests", metavar="SHA256…", nargs=-1, required=True)
@click.option("--into", metavar="DIR", type=click.Path(path_type=Path), help="A folder that is "
              "there; each file is called by its digest.")  # fmt: skip
@click.option("-o", "file", metavar="FILE", type=click.Path(path_type=Path), help="A new file.")
@lake_option
def extract(digests: Sequence[str], into: Path | None, file: Path | None, lake_root: str) -> None:
    """Write content to new files, each checked against its digest; nothing is overwritten.

    The beginning of a digest is enough where it is the only one.

    \b
    rdlake blobs extract 9b1c44e0 -o model.pkl
    rdlake blobs extract 9b1c44e0 77ab01 --into restored
    """
    import rdlake
    from rdlake.store.blobs import extract as write_out
    from rdlake.store.blobs import resolve_digest

    if (into is None) == (file is None) or (file is not None and len(digests) > 1):
        raise click.UsageError("give --into DIR, or -o FILE for one digest")
    if into is not None and not into.is_dir():
        raise BadInput.no_folder(into)
    lake = rdlake.open_lake(lake_root).lake
    for digest in dict.fromkeys(resolve_digest(lake, each) for each in digests):
        target = file or Path(into or ".") / digest
        size = write_out(lake, digest, target)
        say(f"{target}: {size:,} bytes, as its digest says")
