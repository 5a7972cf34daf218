-- Every row of a workspace was read from the same files: no ingest is half done.
WITH parts AS (
    SELECT DISTINCT 'models' AS part, workspace_id, source_digest FROM rdlake_tables.models
    UNION ALL
    SELECT DISTINCT 'feedback', workspace_id, source_digest FROM rdlake_tables.feedback
    UNION ALL
    SELECT DISTINCT 'factors', workspace_id, source_digest FROM rdlake_tables.factors
    UNION ALL
    SELECT DISTINCT 'factor_combinations', workspace_id, source_digest FROM rdlake_tables.factor_combinations
    UNION ALL
    SELECT DISTINCT 'equity_curves', workspace_id, source_digest FROM rdlake_tables.equity_curves
    UNION ALL
    SELECT DISTINCT 'workspaces', workspace_id, source_digest FROM rdlake_tables.workspaces
),
-- These rows follow from the folder alone, not from logs or registries.
of_folders AS (
    SELECT DISTINCT 'artifacts' AS part, workspace_id, source_digest FROM rdlake_tables.artifacts
    UNION ALL
    SELECT DISTINCT 'signals', workspace_id, source_digest FROM rdlake_tables.signals
    UNION ALL
    SELECT DISTINCT 'factor_perf', workspace_id, source_digest FROM rdlake_tables.factor_perf
),
-- A batch commits the loop last; for a folder without a loop it commits the folder last.
wholes AS (
    SELECT
        coalesce(loops.workspace_id, workspaces.workspace_id) AS workspace_id,
        CASE
            WHEN loops.workspace_id IS NOT NULL THEN loops.source_digest
            WHEN coalesce(workspaces.role, '') NOT IN ('experiment', 'baseline') THEN workspaces.source_digest
        END AS expected
    FROM rdlake_tables.workspaces AS workspaces
    FULL JOIN rdlake_tables.loops AS loops ON loops.workspace_id = workspaces.workspace_id
)
SELECT parts.part, parts.workspace_id, parts.source_digest, wholes.expected
FROM parts
LEFT JOIN wholes ON wholes.workspace_id = parts.workspace_id
WHERE parts.source_digest IS DISTINCT FROM wholes.expected
    AND NOT starts_with(parts.workspace_id, 'external:')
UNION ALL
SELECT of_folders.part, of_folders.workspace_id, of_folders.source_digest, workspaces.folder_digest
FROM of_folders
JOIN rdlake_tables.workspaces AS workspaces ON workspaces.workspace_id = of_folders.workspace_id
WHERE of_folders.source_digest IS DISTINCT FROM workspaces.folder_digest;
