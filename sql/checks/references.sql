-- What is referred to is there; an experiment whose folder has a recorded configuration or model has that too, or ingests tells why not.
WITH told AS (
    SELECT DISTINCT workspace_id
    FROM rdlake_tables.ingests
    WHERE len(findings) > 0
),
-- One file of each kind that lies where qlib records it.
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
SELECT 'loops.strategy_id' AS part, workspace_id, strategy_id AS refers_to
FROM rdlake_tables.loops
WHERE strategy_id IS NOT NULL AND strategy_id NOT IN (SELECT belongs_to FROM rdlake_tables.strategies)
UNION ALL
SELECT 'loops.model_id', workspace_id, model_id
FROM rdlake_tables.loops
WHERE model_id IS NOT NULL AND model_id NOT IN (SELECT model_id FROM rdlake_tables.models)
UNION ALL
SELECT 'loops.result_workspace_id', workspace_id, result_workspace_id
FROM rdlake_tables.loops
WHERE result_workspace_id IS NOT NULL
    AND result_workspace_id NOT IN (SELECT workspace_id FROM rdlake_tables.loops)
UNION ALL
SELECT 'factor_perf.factor_name', perf.workspace_id, perf.factor_name
FROM (SELECT DISTINCT workspace_id, factor_name FROM rdlake_tables.factor_perf) AS perf
JOIN rdlake_tables.loops AS loops ON loops.workspace_id = perf.workspace_id
LEFT JOIN rdlake_tables.factors AS factors
    ON factors.workspace_id = perf.workspace_id AND factors.factor_name = perf.factor_name
WHERE factors.workspace_id IS NULL
UNION ALL
SELECT 'factor_perf.series_id', min(perf.workspace_id), perf.series_id
FROM rdlake_tables.factor_perf AS perf
LEFT JOIN (SELECT DISTINCT series_id FROM rdlake_tables.factor_ic) AS series ON series.series_id = perf.series_id
WHERE perf.series_id IS NOT NULL AND perf.ic_days > 0 AND series.series_id IS NULL
GROUP BY perf.series_id
UNION ALL
SELECT 'charts.sha256', workspace_id, sha256
FROM rdlake_tables.charts
WHERE sha256 IS NOT NULL AND sha256 NOT IN (SELECT DISTINCT sha256 FROM rdlake_tables.blobs)
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
