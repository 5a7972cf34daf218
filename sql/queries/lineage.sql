-- What was built on an accepted experiment, and was it any better?
SELECT
    name AS built_on, experiment_id, round(annual_return_difference, 4) AS over_parent,
    round(rank_ic_difference, 4) AS rank_ic_over_parent, factors_only_here AS factors_added
FROM group_comparison
WHERE kind = 'lineage' AND role = 'treatment'
ORDER BY built_on, annual_return_difference DESC NULLS LAST, experiment_id
LIMIT 10;
