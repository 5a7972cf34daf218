"""Run the command line: parse, call one library function, print.

Nothing heavy is loaded before a command runs, so `rdlake --help` answers at once.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from rdlake.about import __version__
from rdlake.errors import ExitCode, RdlakeError

COMMANDS = {
    "init": ("rdlake.cli.lakes:init", "Make a lake."),
    "ingest": ("rdlake.cli.ingest:ingest", "Read RD-Agent's workspaces and logs into the lake."),
    "ingests": ("rdlake.cli.ingests:ingests", "Show what became of each run and folder, and why."),
    "refresh": (
        "rdlake.cli.ingest:refresh",
        "Ingest what is configured, publish, show the result.",
    ),
    "catalogs": (
        "rdlake.cli.catalogs:catalogs",
        "Publish catalog versions, inspect them, go back.",
    ),
    "changes": (
        "rdlake.cli.exports:changes",
        "Show what turns a copy of one catalog version into another.",
    ),
    "groups": ("rdlake.cli.groups:groups", "Manage groups of experiments to compare."),
    "sql": ("rdlake.cli.query:sql", "Query the published catalog."),
    "blobs": (
        "rdlake.cli.blobs:blobs",
        "List the files whose content the lake keeps, and write them out.",
    ),
    "archive": (
        "rdlake.cli.archive:archive",
        "Copy experiments to another lake and read the copy back.",
    ),
    "restore": ("rdlake.cli.archive:restore", "Write an experiment's files as they were."),
    "cleanup": (
        "rdlake.cli.cleanup:cleanup",
        "Move what an archive has to a trash, to free the disk.",
    ),
    "pin": ("rdlake.cli.cleanup:pin", "Mark an experiment that must stay."),
    "unpin": ("rdlake.cli.cleanup:unpin", "Remove the mark that an experiment must stay."),
    "pins": ("rdlake.cli.cleanup:pins", "List the experiments that must stay."),
    "plot": (
        "rdlake.cli.plot:plot",
        "Draw an experiment's curve or a factor's IC as PNG files.",
    ),
    "report": (
        "rdlake.cli.exports:report",
        "Write one page on an experiment or a factor, to read or print.",
    ),
    "add": ("rdlake.cli.external:add", "Add factors or a strategy from elsewhere."),
    "alpha": ("rdlake.cli.external:alpha", "Add Qlib's Alpha158 and Alpha360."),
    "export": ("rdlake.cli.export:export", "Write factors for RD-Agent to begin with."),
    "libs": (
        "rdlake.cli.libs:libs",
        "Write and verify shared libraries of factors' code and strategies.",
    ),
    "maintain": (
        "rdlake.cli.lakes:maintain",
        "Compact the tables and remove what no version needs.",
    ),
    "doctor": ("rdlake.cli.lakes:doctor", "Show the settings and check that the lake is whole."),
    "demo": ("rdlake.cli.demo:demo", "Write synthetic workspaces and logs to try things with."),
}


class LazyGroup(click.Group):
    """List commands by name. A command is imported when it is called; its short help stands in
    `COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rdlake")
def root() -> None:
    """Keep RD-Agent's experiments as versioned tables, published as a catalog for DuckDB.

    Exit codes: 0 ok, 1 failed, 2 usage, 3 partial, 4 verification failed, 10 no lake.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run a command. An error becomes a message on stderr and an exit code."""
    try:
        called = sys.argv[0] if sys.argv[0].endswith("rdlake") else "rdlake"
        result: Any = root.main(args=arguments, prog_name=called, standalone_mode=False)
        sys.exit(result if isinstance(result, int) else ExitCode.OK)
    except RdlakeError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.UsageError as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; what was committed stays, run it again to complete", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(ExitCode.FAILED)


if __name__ == "__main__":
    main()
