-- Figures are of a factor that the experiment has; one whose folder has a recorded configuration or model has that too, or ingests tells why not.
WITH told AS (
    SELECT DISTINCT workspace_id
    FROM rdlake_tables.ingests
    WHERE len(findings) > 0
),
-- Take one file of each kind from the places where qlib records them.
recorded AS (
    SELECT
        workspace_id,
        min(path) FILTER (WHERE ends_with(path, '/artifacts/task')) AS task,
        min(path) FILTER (WHERE ends_with(path, '/artifacts/params.pkl')) AS params
    FROM rdlake_tables.artifacts
    WHERE state = 'present'
        AND starts_with(path, 'mlruns/')
        AND (ends_with(path, '/artifacts/task') OR ends_with(path, '/artifacts/params.pkl'))
    GROUP BY workspace_id
)
SELECT 'factor_perf.factor_name' AS part, perf.workspace_id, perf.factor_name AS refers_to
FROM (SELECT DISTINCT workspace_id, factor_name FROM rdlake_tables.factor_perf) AS perf
JOIN rdlake_tables.loops AS loops ON loops.workspace_id = perf.workspace_id
LEFT JOIN rdlake_tables.factors AS factors
    ON factors.workspace_id = perf.workspace_id AND factors.factor_name = perf.factor_name
WHERE factors.workspace_id IS NULL
UNION ALL
SELECT 'a strategy of its own', loops.workspace_id, recorded.task
FROM rdlake_tables.loops AS loops
JOIN recorded ON recorded.workspace_id = loops.workspace_id
WHERE loops.strategy_id IS NULL AND recorded.task IS NOT NULL
    AND loops.workspace_id NOT IN (SELECT workspace_id FROM told)
UNION ALL
SELECT 'a model of its own', loops.workspace_id, recorded.params
FROM rdlake_tables.loops AS loops
JOIN recorded ON recorded.workspace_id = loops.workspace_id
WHERE loops.model_id IS NULL AND recorded.params IS NOT NULL
    AND loops.workspace_id NOT IN (SELECT workspace_id FROM told);
