"""What one source says of an experiment, kept in the lake, and the experiment all of it gives.

Sources come in any order, together or one by one. Each leaves its evidence; the rows of an
experiment are made of all the evidence there is, so they are the same whichever came first.
"""

from __future__ import annotations

from rdlake.evidence.contradictions import contradictions
from rdlake.evidence.from_folder import said_by_workspace
from rdlake.evidence.from_json import said_by_catalog, said_by_json
from rdlake.evidence.from_registry import run_status, said_by_registry, scenario_of
from rdlake.evidence.from_trace import nowhere, said_by_run
from rdlake.evidence.merge import COPIES, digest_of_parts, folder_of, merged, names_a_run
from rdlake.evidence.run_names import NOBODY, housed, registered_names, renamed
from rdlake.evidence.value import Evidence, evidence_rows, name_of, read_evidence

__all__ = [
    "COPIES",
    "NOBODY",
    "Evidence",
    "contradictions",
    "digest_of_parts",
    "evidence_rows",
    "folder_of",
    "housed",
    "merged",
    "name_of",
    "names_a_run",
    "nowhere",
    "read_evidence",
    "registered_names",
    "renamed",
    "run_status",
    "said_by_catalog",
    "said_by_json",
    "said_by_registry",
    "said_by_run",
    "said_by_workspace",
    "scenario_of",
]
