-- The key of a contract view or table names one row of an experiment, and a workspace is of one loop.
-- by workspace_id
-- Of the long tables the days are counted first, 64 to a number: what is as many as it has bits is no double.
WITH suspects AS (
    SELECT workspace_id
    FROM (
        SELECT workspace_id, count(*) AS rows, bit_or(1::UBIGINT << ((date - DATE '0001-01-01') % 64)::UBIGINT) AS days
        FROM equity_curve
        GROUP BY workspace_id, (date - DATE '0001-01-01') // 64
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
SELECT 'factors', concat_ws(' ', source, factor_name, workspace_id), count(*)
FROM rdlake_tables.factors GROUP BY source, factor_name, workspace_id HAVING count(*) > 1
UNION ALL
SELECT 'factor_perf', concat_ws(' ', workspace_id, factor_name, "window"), count(*)
FROM rdlake_tables.factor_perf GROUP BY workspace_id, factor_name, "window" HAVING count(*) > 1
UNION ALL
SELECT 'factor_combinations', concat_ws(' ', workspace_id, name, "window"), count(*)
FROM rdlake_tables.factor_combinations GROUP BY workspace_id, name, "window" HAVING count(*) > 1
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
SELECT 'artifact_list', concat_ws(' ', workspace_id, path), count(*)
FROM artifact_list GROUP BY workspace_id, path HAVING count(*) > 1
UNION ALL
SELECT 'ingest_report', concat_ws(' ', batch_id, workspace_id, position), count(*)
FROM ingest_report GROUP BY batch_id, workspace_id, position HAVING count(*) > 1
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
SELECT 'strategy_detail', workspace_id, count(*)
FROM strategy_detail GROUP BY workspace_id HAVING count(*) > 1
UNION ALL
SELECT 'aistock_factor_performance', id, count(*)
FROM aistock_factor_performance GROUP BY id HAVING count(*) > 1
UNION ALL
SELECT 'aistock_strategies', id, count(*)
FROM aistock_strategies GROUP BY id HAVING count(*) > 1
UNION ALL
SELECT 'loop_result', concat_ws(' ', task_run_id, loop_id, workspace_id), count(*)
FROM loop_result GROUP BY task_run_id, loop_id, workspace_id HAVING count(*) > 1
UNION ALL
SELECT 'group_places', concat_ws(' ', group_id, workspace_id), count(*)
FROM group_places GROUP BY group_id, workspace_id HAVING count(*) > 1;
