-- A loop that says it has a curve has its days, all of them.
SELECT loops.workspace_id, loops.curve_days, count(days.date) AS days
FROM rdlake_tables.loops AS loops
LEFT JOIN rdlake_tables.equity_curves AS days ON days.workspace_id = loops.workspace_id
WHERE loops.has_curve
GROUP BY loops.workspace_id, loops.curve_days
HAVING count(days.date) IS DISTINCT FROM loops.curve_days;
