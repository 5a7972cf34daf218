-- Every row of a workspace was read from the same files: no ingest is half done.
WITH parts AS (
    SELECT DISTINCT 'equity_curves' AS part, workspace_id, source_digest FROM rdlake_tables.equity_curves
    UNION ALL
    SELECT DISTINCT 'factors', workspace_id, source_digest FROM rdlake_tables.factors
    WHERE NOT starts_with(workspace_id, 'external:')
    UNION ALL
    SELECT DISTINCT 'workspaces', workspace_id, source_digest FROM rdlake_tables.workspaces
)
SELECT parts.part, parts.workspace_id, parts.source_digest, loops.source_digest AS of_loop
FROM parts
JOIN rdlake_tables.loops AS loops ON loops.workspace_id = parts.workspace_id
WHERE parts.source_digest IS DISTINCT FROM loops.source_digest;
