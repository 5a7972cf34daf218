-- The key of what several experiments share names one row: a factor, a configuration, a model, a run.
SELECT 'strategies' AS view, concat_ws(' ', strategy_id, belongs_to) AS key, count(*) AS rows
FROM rdlake_tables.strategies GROUP BY strategy_id, belongs_to HAVING count(*) > 1
UNION ALL
SELECT 'task_runs', task_run_id, count(*)
FROM rdlake_tables.task_runs GROUP BY task_run_id HAVING count(*) > 1
UNION ALL
SELECT 'factor_catalog', concat_ws(' ', name, source), count(*)
FROM factor_catalog GROUP BY name, source HAVING count(*) > 1
UNION ALL
SELECT 'factor_duplicates', concat_ws(' ', name, other_name), count(*)
FROM factor_duplicates GROUP BY name, other_name HAVING count(*) > 1
UNION ALL
SELECT 'factor_versions', concat_ws(' ', name, source, version), count(*)
FROM factor_versions GROUP BY name, source, version HAVING count(*) > 1
UNION ALL
SELECT 'model_catalog', model_id, count(*)
FROM model_catalog GROUP BY model_id HAVING count(*) > 1
UNION ALL
SELECT 'strategy_catalog', strategy_id, count(*)
FROM strategy_catalog GROUP BY strategy_id HAVING count(*) > 1
UNION ALL
SELECT 'aistock_factors', id, count(*)
FROM aistock_factors GROUP BY id HAVING count(*) > 1
UNION ALL
SELECT 'factor_detail', concat_ws(' ', factor_name, source), count(*)
FROM factor_detail GROUP BY factor_name, source HAVING count(*) > 1
UNION ALL
SELECT 'factor_registry', concat_ws(' ', name, source), count(*)
FROM factor_registry GROUP BY name, source HAVING count(*) > 1
UNION ALL
SELECT 'strategy_registry', strategy_id, count(*)
FROM strategy_registry GROUP BY strategy_id HAVING count(*) > 1
UNION ALL
SELECT 'factor_contents', concat_ws(' ', name, values_sha256), count(*)
FROM factor_contents GROUP BY name, values_sha256 HAVING count(*) > 1;
