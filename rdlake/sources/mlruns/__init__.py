"""What qlib and mlflow recorded of a back-test, read without running any of it.

`read_recording` chooses the workspace's own run and reads it; `read_label` gives the labels later.
"""

from __future__ import annotations

from rdlake.sources.mlruns.read import Folder, read_label, read_recording

__all__ = ["Folder", "read_label", "read_recording"]
