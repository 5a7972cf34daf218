"""The command line. A command parses, calls one library function, prints.

Nothing heavy is loaded before a command runs: `rdlake --help` answers at once.
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
    "ingests": ("rdlake.cli.ingests:ingests", "What became of each run and folder, and why."),
    "refresh": (
        "rdlake.cli.ingest:refresh",
        "Ingest what is configured, publish, show what is there.",
    ),
    "catalogs": (
        "rdlake.cli.catalogs:catalogs",
        "Publish catalog versions, look at them, go back.",
    ),
    "changes": (
        "rdlake.cli.exports:changes",
        "What turns a copy of one catalog version into another.",
    ),
    "groups": ("rdlake.cli.groups:groups", "Groups of experiments to compare."),
    "sql": ("rdlake.cli.query:sql", "Ask the published catalog."),
    "blobs": (
        "rdlake.cli.blobs:blobs",
        "List the files whose content the lake keeps, and write them out.",
    ),
    "archive": (
        "rdlake.cli.archive:archive",
        "Copy experiments to another lake, proven by reading back.",
    ),
    "restore": ("rdlake.cli.archive:restore", "Give an experiment's files back as they were."),
    "cleanup": (
        "rdlake.cli.cleanup:cleanup",
        "Free the disk of what an archive has, by way of a trash.",
    ),
    "pin": ("rdlake.cli.cleanup:pin", "Say that an experiment must stay."),
    "unpin": ("rdlake.cli.cleanup:unpin", "Say that it need not stay any longer."),
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
        "Shared libraries of factors' code and strategies, written and verified.",
    ),
    "maintain": (
        "rdlake.cli.lakes:maintain",
        "Compact the tables and remove what no version needs.",
    ),
    "doctor": ("rdlake.cli.lakes:doctor", "Show the settings and whether the lake is whole."),
    "demo": ("rdlake.cli.demo:demo", "Write synthetic workspaces and logs to try things with."),
}


class LazyGroup(click.Group):
    """Commands by name; each is imported when it is called, its help stands here."""

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
    """RD-Agent's experiments as versioned tables and a catalog that DuckDB attaches.

    Exit codes: 0 ok, 1 failed, 2 usage, 3 partial, 4 verification failed, 10 no lake.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run a command; errors become a message on stderr and an exit code."""
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
