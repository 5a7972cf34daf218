"""Make evidence of a workspace's folder."""

from __future__ import annotations

from typing import Any

from rdlake.domain.experiment import Workspace
from rdlake.domain.recording import Profile
from rdlake.evidence.model import recorded_model
from rdlake.evidence.source import Source
from rdlake.evidence.value import Evidence


def evidence_of_folder(workspace: Workspace) -> Evidence:
    """Return what a workspace's folder says by itself."""
    names = None if workspace.factors is None else [each.name for each in workspace.factors]
    recorded, recorded_in = _recorded_columns(workspace)
    provenance = {
        "action": "templates" if workspace.action else None,
        "metrics": "csv" if workspace.metrics is not None else None,
        "factor_names": "parquet" if workspace.factors is not None else None,
        "curve": workspace.curve_source,
        **recorded_in,
    }
    loop = {
        "role": workspace.role,
        "action": workspace.action,
        "metrics": None if workspace.metrics is None else dict(workspace.metrics),
        "factor_names": names,
        **recorded,
    }
    is_loop = workspace.role in ("experiment", "baseline")
    return Evidence(
        source=Source("workspace", workspace.workspace_id),
        workspace_id=workspace.workspace_id,
        digest=workspace.source_digest,
        loop=loop if is_loop else None,
        provenance={name: source for name, source in provenance.items() if source},
        factors=None
        if workspace.factors is None
        else tuple(
            {
                "factor_name": each.name,
                "column_name": each.column if each.column != each.name else None,
                "position": each.position,
                "values_sha256": each.values_sha256,
                "value_fingerprint": each.value_fingerprint,
            }
            for each in workspace.factors
        ),
        folder={
            "role": workspace.role,
            "action": workspace.action,
            "root_name": workspace.root_name,
            "files": len(workspace.files),
            "size": workspace.size,
            "folder_digest": workspace.source_digest,
            "values_column": workspace.values.column if workspace.values else None,
            "values_rows": workspace.values.rows if workspace.values else None,
        },
        model=recorded_model(workspace) if is_loop else None,
        curve=workspace.curve if is_loop else None,
        templates=_template_paths(workspace),
        stat_digest=workspace.stat_digest,
    )


def _template_paths(workspace: Workspace) -> tuple[str, ...]:
    """Return the path of every YAML file of the folder, mlflow's too."""
    return tuple(file.path for file in workspace.files if file.path.endswith((".yaml", ".yml")))


def _recorded_columns(workspace: Workspace) -> tuple[dict[str, Any], dict[str, str | None]]:
    """Return what qlib recorded of the back-test, and where each column was found."""
    recording = workspace.recording
    if recording is None:
        return {}, {}
    ran = recording.configuration
    features = None if ran is None or ran.base_features is None else ran.base_features
    return {
        "config_name": recording.config_name,
        "strategy_id": recording.strategy_id,
        "base_features": None if features is None else [each.name for each in features],
        "created_at": recording.started_at,
        "ended_at": recording.ended_at,
        "data_profile": _profile_columns(recording.profile),
    }, {
        "config_name": "mlruns" if recording.config_name else None,
        "strategy_id": ran.origin if ran and recording.strategy_id else None,
        "base_features": ran.origin if ran and features is not None else None,
        "created_at": "mlruns" if recording.started_at else None,
    }


def _profile_columns(profile: Profile | None) -> dict[str, Any] | None:
    if profile is None:
        return None
    return {
        "market": profile.market,
        "instruments": profile.instruments,
        "days": profile.days,
        "first_day": profile.first,
        "last_day": profile.last,
        "score_missing": profile.score_missing,
        "label_missing": profile.label_missing,
    }
