-- The key of a contract view names one row, and a workspace is of one loop.
SELECT 'loop_catalog' AS view, concat_ws(' ', task_run_id, loop_id, workspace_id) AS key, count(*) AS rows
FROM loop_catalog GROUP BY task_run_id, loop_id, workspace_id HAVING count(*) > 1
UNION ALL
SELECT 'loop_catalog', workspace_id, count(*)
FROM loop_catalog GROUP BY workspace_id HAVING count(DISTINCT concat_ws(' ', task_run_id, loop_id)) > 1
UNION ALL
SELECT 'equity_curve', concat_ws(' ', workspace_id, date), count(*)
FROM equity_curve GROUP BY workspace_id, date HAVING count(*) > 1
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
FROM factor_versions GROUP BY name, source, version HAVING count(*) > 1;
