"""Write one page of HTML on an experiment or a factor, as it is published.

`experiment` and `factor` ask one catalog version through a `VersionReader` and compose the page;
`page` writes the HTML. The page runs nothing, loads nothing and can be printed.
"""

from rdlake.exports.reports.write import write_report

__all__ = ["write_report"]
