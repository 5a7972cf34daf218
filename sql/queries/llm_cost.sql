-- What did the language model cost, by run, and for each accepted loop?
SELECT
    task_run_id, count(*) AS loops, count(*) FILTER (WHERE decision) AS accepted, round(sum(llm_cost), 4) AS usd,
    round(sum(llm_cost) / nullif(count(*) FILTER (WHERE decision), 0), 4) AS usd_per_accepted
FROM rdlake_tables.loops
WHERE role = 'experiment' AND NOT starts_with(task_run_id, 'external:')
GROUP BY task_run_id
ORDER BY usd DESC NULLS LAST, task_run_id
LIMIT 10;
