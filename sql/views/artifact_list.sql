-- key: workspace_id, path
CREATE VIEW artifact_list AS
SELECT
    artifacts.workspace_id::VARCHAR AS workspace_id,
    artifacts.path::VARCHAR AS path,
    artifacts.artifact_type::VARCHAR AS artifact_type,
    artifacts.kind::VARCHAR AS kind,
    artifacts.size::BIGINT AS size,
    artifacts.sha256::VARCHAR AS sha256,
    artifacts.target::VARCHAR AS target,
    artifacts.state::VARCHAR AS state,
    coalesce(artifacts.sha256 IN (SELECT blobs.sha256 FROM rdlake_tables.blobs AS blobs), false)::BOOLEAN
        AS kept,
    workspaces.role::VARCHAR AS role,
    workspaces.task_run_id::VARCHAR AS task_run_id,
    workspaces.loop_id::BIGINT AS loop_id
FROM rdlake_tables.artifacts AS artifacts
JOIN rdlake_tables.workspaces AS workspaces ON workspaces.workspace_id = artifacts.workspace_id;

COMMENT ON VIEW artifact_list IS 'One row per file of a workspace.';
COMMENT ON COLUMN artifact_list.workspace_id IS 'name of the folder';
COMMENT ON COLUMN artifact_list.path IS 'path within it, POSIX';
COMMENT ON COLUMN artifact_list.artifact_type IS 'what the file is for; null where not known';
COMMENT ON COLUMN artifact_list.kind IS 'file or link';
COMMENT ON COLUMN artifact_list.size IS 'bytes';
COMMENT ON COLUMN artifact_list.sha256 IS 'digest of the content; null for links and unreadable files';
COMMENT ON COLUMN artifact_list.target IS 'where a link points, as text';
COMMENT ON COLUMN artifact_list.state IS 'present, unreadable or removed';
COMMENT ON COLUMN artifact_list.kept IS 'the lake holds the content';
COMMENT ON COLUMN artifact_list.role IS 'role of the workspace';
COMMENT ON COLUMN artifact_list.task_run_id IS 'RD-Agent run';
COMMENT ON COLUMN artifact_list.loop_id IS 'number of the loop within its run';
