-- The key of a contract view or table names one row, and a workspace is of one loop.
-- Of the long tables the days are counted first, 64 to a number: what is as many as it has bits is no double.
WITH suspects AS (
    SELECT workspace_id
    FROM (
        SELECT workspace_id, count(*) AS rows, bit_or(1::UBIGINT << ((date - DATE '0001-01-01') % 64)::UBIGINT) AS days
        FROM equity_curve
        GROUP BY workspace_id, (date - DATE '0001-01-01') // 64
    )
    WHERE rows IS DISTINCT FROM bit_count(days)
),
suspect_series AS (
    SELECT series_id
    FROM (
        SELECT series_id, count(*) AS rows, bit_or(1::UBIGINT << ((date - DATE '0001-01-01') % 64)::UBIGINT) AS days
        FROM rdlake_tables.factor_ic
        GROUP BY series_id, (date - DATE '0001-01-01') // 64
    )
    WHERE rows IS DISTINCT FROM bit_count(days)
)
SELECT 'loop_catalog' AS view, concat_ws(' ', task_run_id, loop_id, workspace_id) AS key, count(*) AS rows
FROM loop_catalog GROUP BY task_run_id, loop_id, workspace_id HAVING count(*) > 1
UNION ALL
SELECT 'loop_catalog', workspace_id, count(*)
FROM loop_catalog GROUP BY workspace_id HAVING count(DISTINCT concat_ws(' ', task_run_id, loop_id)) > 1
UNION ALL
SELECT 'equity_curve', concat_ws(' ', workspace_id, date), count(*)
FROM equity_curve WHERE workspace_id IN (SELECT workspace_id FROM suspects)
GROUP BY workspace_id, date HAVING count(*) > 1
UNION ALL
SELECT 'loops', concat_ws(' ', task_run_id, loop_id, workspace_id), count(*)
FROM rdlake_tables.loops GROUP BY task_run_id, loop_id, workspace_id HAVING count(*) > 1
UNION ALL
SELECT 'factor_ic', concat_ws(' ', series_id, date), count(*)
FROM rdlake_tables.factor_ic WHERE series_id IN (SELECT series_id FROM suspect_series)
GROUP BY series_id, date HAVING count(*) > 1
UNION ALL
SELECT 'factors', concat_ws(' ', source, factor_name, workspace_id), count(*)
FROM rdlake_tables.factors GROUP BY source, factor_name, workspace_id HAVING count(*) > 1
UNION ALL
SELECT 'factor_perf', concat_ws(' ', workspace_id, factor_name, "window"), count(*)
FROM rdlake_tables.factor_perf GROUP BY workspace_id, factor_name, "window" HAVING count(*) > 1
UNION ALL
SELECT 'factor_combinations', concat_ws(' ', workspace_id, name, "window"), count(*)
FROM rdlake_tables.factor_combinations GROUP BY workspace_id, name, "window" HAVING count(*) > 1
UNION ALL
SELECT 'strategies', concat_ws(' ', strategy_id, belongs_to), count(*)
FROM rdlake_tables.strategies GROUP BY strategy_id, belongs_to HAVING count(*) > 1
UNION ALL
SELECT 'models', model_id, count(*)
FROM rdlake_tables.models GROUP BY model_id HAVING count(DISTINCT workspace_id) < count(*)
UNION ALL
SELECT 'feedback', workspace_id, count(*)
FROM rdlake_tables.feedback GROUP BY workspace_id HAVING count(*) > 1
UNION ALL
SELECT 'signals', concat_ws(' ', workspace_id, date, instrument), count(*)
FROM rdlake_tables.signals GROUP BY workspace_id, date, instrument HAVING count(*) > 1
UNION ALL
SELECT 'workspaces', workspace_id, count(*)
FROM rdlake_tables.workspaces GROUP BY workspace_id HAVING count(*) > 1
UNION ALL
SELECT 'task_runs', task_run_id, count(*)
FROM rdlake_tables.task_runs GROUP BY task_run_id HAVING count(*) > 1
UNION ALL
SELECT 'factor_catalog', concat_ws(' ', name, source), count(*)
FROM factor_catalog GROUP BY name, source HAVING count(*) > 1
UNION ALL
SELECT 'artifact_list', concat_ws(' ', workspace_id, path), count(*)
FROM artifact_list GROUP BY workspace_id, path HAVING count(*) > 1
UNION ALL
SELECT 'ingest_report', concat_ws(' ', batch_id, workspace_id, position), count(*)
FROM ingest_report GROUP BY batch_id, workspace_id, position HAVING count(*) > 1
UNION ALL
SELECT 'factor_duplicates', concat_ws(' ', name, other_name), count(*)
FROM factor_duplicates GROUP BY name, other_name HAVING count(*) > 1
UNION ALL
SELECT 'factor_versions', concat_ws(' ', name, source, version), count(*)
FROM factor_versions GROUP BY name, source, version HAVING count(*) > 1
UNION ALL
SELECT 'group_members', concat_ws(' ', group_id, workspace_id), count(*)
FROM group_members GROUP BY group_id, workspace_id HAVING count(*) > 1
UNION ALL
SELECT 'aistock_experiments', id, count(*)
FROM aistock_experiments GROUP BY id HAVING count(*) > 1
UNION ALL
SELECT 'aistock_factor_combinations', id, count(*)
FROM aistock_factor_combinations GROUP BY id HAVING count(*) > 1
UNION ALL
SELECT 'factor_windows', concat_ws(' ', factor_name, source, workspace_id, window_name), count(*)
FROM factor_windows GROUP BY factor_name, source, workspace_id, window_name HAVING count(*) > 1
UNION ALL
SELECT 'strategy_detail', source_key, count(*)
FROM strategy_detail GROUP BY source_key HAVING count(*) > 1
UNION ALL
SELECT 'model_catalog', model_id, count(*)
FROM model_catalog GROUP BY model_id HAVING count(*) > 1
UNION ALL
SELECT 'strategy_catalog', strategy_id, count(*)
FROM strategy_catalog GROUP BY strategy_id HAVING count(*) > 1
UNION ALL
SELECT 'aistock_factor_performance', id, count(*)
FROM aistock_factor_performance GROUP BY id HAVING count(*) > 1
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
SELECT 'aistock_strategies', id, count(*)
FROM aistock_strategies GROUP BY id HAVING count(*) > 1
UNION ALL
SELECT 'loop_result', concat_ws(' ', task_run_id, loop_id, workspace_id), count(*)
FROM loop_result GROUP BY task_run_id, loop_id, workspace_id HAVING count(*) > 1
UNION ALL
SELECT 'strategy_registry', strategy_id, count(*)
FROM strategy_registry GROUP BY strategy_id HAVING count(*) > 1;
