-- The lake has as many folders as ingests says were read.
WITH read AS (
    SELECT DISTINCT workspace_id
    FROM rdlake_tables.ingests
    WHERE status IN ('ok', 'partial') AND role IN ('experiment', 'baseline', 'sub', 'unused', 'junk')
),
there AS (
    SELECT workspace_id, folder_digest IS NOT NULL AS was_read FROM rdlake_tables.workspaces
    UNION ALL
    -- A log of RD-Agent may name a loop whose folder is gone.
    SELECT workspace_id, false
    FROM rdlake_tables.loops
    WHERE workspace_id NOT IN (SELECT workspace_id FROM rdlake_tables.workspaces)
)
SELECT
    'folders' AS source,
    coalesce(read.workspace_id, there.workspace_id) AS name,
    read.workspace_id IS NOT NULL AS in_ingests,
    there.workspace_id IS NOT NULL AS in_the_lake
FROM read
FULL JOIN there ON there.workspace_id = read.workspace_id
WHERE there.workspace_id IS NULL OR (read.workspace_id IS NULL AND there.was_read);
