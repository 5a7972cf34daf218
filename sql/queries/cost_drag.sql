-- How much of the return do the costs eat, and at what turnover?
SELECT
    experiment_id, round(annual_return_without_cost, 4) AS before_cost, round(annual_return_with_cost, 4) AS after_cost,
    round(annual_return_without_cost - annual_return_with_cost, 4) AS drag, round(mean_turnover, 3) AS turnover
FROM loop_catalog
WHERE annual_return_with_cost IS NOT NULL AND annual_return_without_cost IS NOT NULL
ORDER BY annual_return_without_cost - annual_return_with_cost DESC, experiment_id
LIMIT 10;
