-- The lake has as many runs and registered runs as ingests says were read.
WITH read AS (
    SELECT DISTINCT workspace_id AS name
    FROM rdlake_tables.ingests
    WHERE status IN ('ok', 'partial') AND role IN ('run', 'registry')
),
there AS (
    SELECT task_run_id AS name, log_path IS NOT NULL AS was_read FROM rdlake_tables.task_runs
)
SELECT
    'runs' AS source,
    coalesce(read.name, there.name) AS name,
    read.name IS NOT NULL AS in_ingests,
    there.name IS NOT NULL AS in_the_lake
FROM read
FULL JOIN there ON there.name = read.name
WHERE there.name IS NULL OR (read.name IS NULL AND there.was_read);
