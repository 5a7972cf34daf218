-- A workspace belongs to one loop, and names a model once.
SELECT 'loop_catalog' AS view, workspace_id AS key, count(*) AS rows
FROM loop_catalog GROUP BY workspace_id HAVING count(DISTINCT concat_ws(' ', task_run_id, loop_id)) > 1
UNION ALL
SELECT 'models', model_id, count(*)
FROM rdlake_tables.models GROUP BY model_id HAVING count(DISTINCT workspace_id) < count(*);
