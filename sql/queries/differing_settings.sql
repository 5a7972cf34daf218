-- In which settings do experiments of one group differ from its control?
SELECT name, difference.setting AS setting, difference.control AS control, difference.here AS here, count(*) AS experiments
FROM (SELECT name, unnest(configuration_differences) AS difference FROM group_comparison WHERE kind IN ('variants', 'own'))
GROUP BY name, difference.setting, difference.control, difference.here
ORDER BY name, setting, control NULLS FIRST, here NULLS FIRST
LIMIT 10;
