-- Which loops beat the baseline of their run, net of cost?
SELECT
    experiment_id, round(annual_return, 4) AS annual_return,
    round(annual_return_difference, 4) AS over_baseline, round(max_drawdown_difference, 4) AS drawdown_over_baseline
FROM group_comparison
WHERE kind = 'run' AND annual_return_difference > 0
ORDER BY annual_return_difference DESC, experiment_id
LIMIT 10;
