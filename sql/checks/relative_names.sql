-- Paths of what several experiments share, runs and configurations, are relative and POSIX.
WITH paths AS (
    SELECT 'strategies' AS part, strategy_id AS row, unnest(template_files) AS path FROM rdlake_tables.strategies
    UNION ALL
    SELECT 'task_runs', task_run_id, log_path FROM rdlake_tables.task_runs
)
SELECT part, row, path
FROM paths
WHERE starts_with(path, '/') OR regexp_matches(path, '^[A-Za-z]:[\\/]') OR regexp_matches(path, '(^|/)\.\.(/|$)');
