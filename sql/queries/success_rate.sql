-- How many loops of each scenario and action got a result, and how many of these were accepted?
SELECT
    coalesce(scenario, 'not known') AS scenario, coalesce(action, 'not known') AS action, count(*) AS loops,
    count(*) FILTER (WHERE has_result) AS with_result, count(*) FILTER (WHERE decision) AS accepted,
    round(count(*) FILTER (WHERE has_result) / count(*), 3) AS success_rate
FROM rdlake_tables.loops
WHERE role = 'experiment'
GROUP BY coalesce(scenario, 'not known'), coalesce(action, 'not known')
ORDER BY scenario, action;
