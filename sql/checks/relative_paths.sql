-- Paths of experiments are relative and POSIX.
WITH paths AS (
    SELECT 'artifacts' AS part, workspace_id AS row, path FROM rdlake_tables.artifacts
    UNION ALL
    SELECT 'charts', workspace_id, path FROM rdlake_tables.charts
    UNION ALL
    SELECT 'workspaces', workspace_id, root_name FROM rdlake_tables.workspaces
    UNION ALL
    SELECT 'models', model_id, log_dir FROM rdlake_tables.models
    UNION ALL
    SELECT 'models', model_id, unnest(model_files) FROM rdlake_tables.models
    UNION ALL
    SELECT 'loops', workspace_id, config_name FROM rdlake_tables.loops
)
SELECT part, row, path
FROM paths
WHERE starts_with(path, '/') OR regexp_matches(path, '^[A-Za-z]:[\\/]') OR regexp_matches(path, '(^|/)\.\.(/|$)');
