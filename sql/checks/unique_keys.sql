-- The key of a contract view names one row.
SELECT 'loop_catalog' AS view, concat_ws(' ', task_run_id, loop_id, workspace_id) AS key, count(*) AS rows
FROM loop_catalog GROUP BY task_run_id, loop_id, workspace_id HAVING count(*) > 1
UNION ALL
SELECT 'equity_curve', concat_ws(' ', workspace_id, date), count(*)
FROM equity_curve GROUP BY workspace_id, date HAVING count(*) > 1
UNION ALL
SELECT 'factor_catalog', concat_ws(' ', source, name), count(*)
FROM factor_catalog GROUP BY source, name HAVING count(*) > 1;
