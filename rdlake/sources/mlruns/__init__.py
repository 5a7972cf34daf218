"""What qlib and mlflow recorded of a back-test, read without running any of it.

`read_recording` chooses the workspace's own run and reads it; `read_label` gives the labels later,
`read_template` the configuration of a YAML file that is known to have run.
"""

from __future__ import annotations

from rdlake.sources.mlruns.features import order_features
from rdlake.sources.mlruns.read import RecordedFolder, read_label, read_recording, read_template

__all__ = ["RecordedFolder", "order_features", "read_label", "read_recording", "read_template"]
