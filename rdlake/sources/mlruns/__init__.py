"""Read what qlib and mlflow recorded about a back-test, without running any of it.

`read_recording` chooses the workspace's own run and reads it. `read_label` reads the labels when
they are needed. `read_template` reads the configuration of a YAML file that is known to have run.

A bad file costs what it holds and nothing else. Links are not followed, and the trained model is
never opened.
"""

from __future__ import annotations

from rdlake.sources.mlruns.features import order_features
from rdlake.sources.mlruns.read import RecordedFolder, read_label, read_recording, read_template

__all__ = ["RecordedFolder", "order_features", "read_label", "read_recording", "read_template"]
