-- Of each source the lake has as many folders, runs and registered runs as ingests says were read.
WITH read AS (
    SELECT DISTINCT
        CASE WHEN role IN ('run', 'registry') THEN 'runs' ELSE 'folders' END AS source,
        workspace_id AS name
    FROM rdlake_tables.ingests
    WHERE status IN ('ok', 'partial')
        AND role IN ('experiment', 'baseline', 'sub', 'unused', 'junk', 'run', 'registry')
),
there AS (
    SELECT 'folders' AS source, workspace_id AS name, folder_digest IS NOT NULL AS was_read
    FROM rdlake_tables.workspaces
    UNION ALL
    -- RD-Agent itself may tell of a loop whose folder is gone.
    SELECT 'folders', workspace_id, false
    FROM rdlake_tables.loops
    WHERE workspace_id NOT IN (SELECT workspace_id FROM rdlake_tables.workspaces)
    UNION ALL
    SELECT 'runs', task_run_id, log_path IS NOT NULL FROM rdlake_tables.task_runs
)
SELECT
    coalesce(read.source, there.source) AS source,
    coalesce(read.name, there.name) AS name,
    read.name IS NOT NULL AS in_ingests,
    there.name IS NOT NULL AS in_the_lake
FROM read
FULL JOIN there ON there.source = read.source AND there.name = read.name
WHERE there.name IS NULL OR (read.name IS NULL AND there.was_read);
