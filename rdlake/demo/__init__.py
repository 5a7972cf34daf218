"""Write synthetic RD-Agent workspaces and logs: something to ingest before RD-Agent has run.

`plan` decides what a demo holds, the other modules turn the plan into files as RD-Agent, qlib and
pandas write them, `write` puts them on disk. Equal seeds give equal files. `sample` has a few real
workspaces; `make catalogs` takes them. Nothing but the command line, tests and benchmarks imports
this package.
"""

from __future__ import annotations

from rdlake.demo.write import DemoReport, write_demo

__all__ = ["DemoReport", "write_demo"]
