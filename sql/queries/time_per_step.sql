-- Where does the time of a loop go, step by step?
SELECT
    step.name AS step, count(*) AS times,
    round(avg(date_diff('millisecond', step.started_at, step.ended_at)) / 1000, 1) AS mean_seconds,
    round(max(date_diff('millisecond', step.started_at, step.ended_at)) / 1000, 1) AS longest_seconds
FROM (SELECT unnest(steps) AS step FROM rdlake_tables.loops)
WHERE step.ended_at IS NOT NULL
GROUP BY step.name
ORDER BY mean_seconds DESC, step.name
LIMIT 10;
