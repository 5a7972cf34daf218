CREATE VIEW artifact_list AS
WITH files AS (
    SELECT
        artifacts.workspace_id, artifacts.path, artifacts.artifact_type, artifacts.kind, artifacts.size,
        artifacts.sha256, artifacts.target, artifacts.state,
        workspaces.role, workspaces.task_run_id, workspaces.loop_id
    FROM rdlake_tables.artifacts AS artifacts
    JOIN rdlake_tables.workspaces AS workspaces ON workspaces.workspace_id = artifacts.workspace_id
    UNION ALL
    -- Leave out a chart where the folder has a picture of the same name.
    SELECT
        charts.workspace_id, charts.path, 'backtest_curve_image', 'made', charts.size,
        charts.sha256, NULL::VARCHAR, 'present',
        loops.role, loops.task_run_id, loops.loop_id
    FROM rdlake_tables.charts AS charts
    JOIN rdlake_tables.loops AS loops
        ON loops.workspace_id = charts.workspace_id AND loops.source_digest = charts.loop_digest
    ANTI JOIN rdlake_tables.artifacts AS own
        ON own.workspace_id = charts.workspace_id AND own.path = charts.path
)
SELECT
    files.workspace_id::VARCHAR AS workspace_id,
    files.path::VARCHAR AS path,
    files.artifact_type::VARCHAR AS artifact_type,
    files.kind::VARCHAR AS kind,
    files.size::BIGINT AS size,
    files.sha256::VARCHAR AS sha256,
    files.target::VARCHAR AS target,
    files.state::VARCHAR AS state,
    coalesce(files.sha256 IN (SELECT blobs.sha256 FROM rdlake_tables.blobs AS blobs), false)::BOOLEAN AS kept,
    files.role::VARCHAR AS role,
    files.task_run_id::VARCHAR AS task_run_id,
    files.loop_id::BIGINT AS loop_id
FROM files;

COMMENT ON VIEW artifact_list IS 'One row per file of a workspace, and per picture that rdlake made of its curve.';
COMMENT ON COLUMN artifact_list.workspace_id IS 'name of the folder';
COMMENT ON COLUMN artifact_list.path IS 'path within it, POSIX';
COMMENT ON COLUMN artifact_list.artifact_type IS 'what the file is for; null where not known';
COMMENT ON COLUMN artifact_list.kind IS 'file or link of the folder; made: drawn by rdlake from the curve';
COMMENT ON COLUMN artifact_list.size IS 'bytes';
COMMENT ON COLUMN artifact_list.sha256 IS 'digest of the content; null for links and unreadable files';
COMMENT ON COLUMN artifact_list.target IS 'where a link points, as text';
COMMENT ON COLUMN artifact_list.state IS 'present, unreadable or removed';
COMMENT ON COLUMN artifact_list.kept IS 'the lake holds the content';
COMMENT ON COLUMN artifact_list.role IS 'role of the workspace';
COMMENT ON COLUMN artifact_list.task_run_id IS 'RD-Agent run';
COMMENT ON COLUMN artifact_list.loop_id IS 'number of the loop within its run';
