-- What an experiment refers to is there: its configuration, model, series of days, charts, and the one it took its result from.
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
SELECT 'factor_perf.series_id', min(perf.workspace_id), perf.series_id
FROM rdlake_tables.factor_perf AS perf
LEFT JOIN (SELECT DISTINCT series_id FROM rdlake_tables.factor_ic) AS series ON series.series_id = perf.series_id
WHERE perf.series_id IS NOT NULL AND perf.ic_days > 0 AND series.series_id IS NULL
GROUP BY perf.series_id
UNION ALL
SELECT 'charts.sha256', workspace_id, sha256
FROM rdlake_tables.charts
WHERE sha256 IS NOT NULL AND sha256 NOT IN (SELECT DISTINCT sha256 FROM rdlake_tables.blobs);
