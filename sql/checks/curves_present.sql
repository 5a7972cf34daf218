-- A loop that says it has a curve has its days, all of them; one whose folder has the file has a curve, or ingests tells why not.
WITH days AS (
    SELECT workspace_id, count(*) AS days, min(date) AS first_day, max(date) AS last_day
    FROM rdlake_tables.equity_curves
    GROUP BY workspace_id
),
with_file AS (
    SELECT workspace_id, min(path) AS path
    FROM rdlake_tables.artifacts
    WHERE path IN ('ret.parquet', 'ret.pkl')
    GROUP BY workspace_id
),
told AS (
    SELECT DISTINCT workspace_id
    FROM (SELECT workspace_id, unnest(findings).file AS file FROM rdlake_tables.ingests)
    WHERE file IN ('ret.parquet', 'ret.pkl')
)
SELECT loops.workspace_id, loops.curve_days, coalesce(days.days, 0) AS days, NULL::VARCHAR AS file
FROM rdlake_tables.loops AS loops
LEFT JOIN days ON days.workspace_id = loops.workspace_id
WHERE loops.has_curve
    AND (
        coalesce(days.days, 0) IS DISTINCT FROM loops.curve_days
        OR days.first_day IS DISTINCT FROM loops.curve_start
        OR days.last_day IS DISTINCT FROM loops.curve_end
    )
UNION ALL
SELECT loops.workspace_id, loops.curve_days, 0, with_file.path
FROM rdlake_tables.loops AS loops
JOIN with_file ON with_file.workspace_id = loops.workspace_id
WHERE NOT loops.has_curve AND loops.workspace_id NOT IN (SELECT workspace_id FROM told);
