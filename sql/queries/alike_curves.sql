-- Which loops are hardly anything but their baseline: daily net returns that go together?
SELECT experiment_id, round(net_return_correlation, 4) AS correlation, common_days, factors_only_here AS factors
FROM group_comparison
WHERE kind = 'run' AND net_return_correlation IS NOT NULL
ORDER BY net_return_correlation DESC, experiment_id
LIMIT 10;
