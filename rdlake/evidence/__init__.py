"""Turn what each source says of an experiment into one experiment, and that into rows.

A trace (RD-Agent's log), a folder, a registry, JSON files and exported catalogs speak of the same
experiment and may come on different days. The modules `from_…` make evidence of each: one source's
statement about one workspace, which the lake keeps in the table `evidence`. `merge` makes the
experiment of all evidence on a workspace, `contradictions` tells where it differs, and `rows` makes
the rows of the tables. Nothing here reads a file or the lake, so the rows are the same whichever
source came first.

Where sources differ, these rules decide:

- The order is trace, folder, registry, JSON, catalog (`source.KINDS`). Each column comes from the
  first source that knows it, and `provenance` keeps which. Only a curve comes from the folder
  before the log: both are the same report.
- A factor that the parquet has was accepted, any other one was dropped.
- A trained model is one row. Its id is made of what ran; of the log's proposal only while no folder
  tells of the model.
- A workspace that several runs claim belongs to the run whose loop got its result there, else to
  the one that began earlier (`merge.sort_claims`). Evidence of the other runs is ignored.
- Of two loops of one run that claim a workspace the later one has it. The other one stays a loop,
  without a folder.
- A registry names the run: its id goes before the name of a log's folder, and that before an id
  that begins with `legacy_`, `synthetic_` or `unknown`. A registry's metrics are shown where no
  other source has any, and are no result.
- JSON and catalogs are copies. A copy that speaks of another loop is not used, and feedback with
  the same words under several runs is taken from all copies. A metric that JSON alone has is a
  result.
"""

from __future__ import annotations

from rdlake.evidence.contradictions import find_contradictions
from rdlake.evidence.from_folder import evidence_of_folder
from rdlake.evidence.from_json import evidence_of_catalog, evidence_of_json
from rdlake.evidence.from_registry import evidence_of_registry, run_status, scenario_of
from rdlake.evidence.from_trace import evidence_of_trace
from rdlake.evidence.merge import COPIES, digest_of_parts, folder_row, merge, names_a_run
from rdlake.evidence.run_names import match_registered_names, move_to_folders, rename_run
from rdlake.evidence.source import Source, SourceKind, is_of_kind, source_names, source_texts
from rdlake.evidence.value import Evidence, evidence_rows, parse_evidence

__all__ = [
    "COPIES",
    "Evidence",
    "Source",
    "SourceKind",
    "digest_of_parts",
    "evidence_of_catalog",
    "evidence_of_folder",
    "evidence_of_json",
    "evidence_of_registry",
    "evidence_of_trace",
    "evidence_rows",
    "find_contradictions",
    "folder_row",
    "is_of_kind",
    "match_registered_names",
    "merge",
    "move_to_folders",
    "names_a_run",
    "parse_evidence",
    "rename_run",
    "run_status",
    "scenario_of",
    "source_names",
    "source_texts",
]
